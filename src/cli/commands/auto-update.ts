/** `auto-update`: containers whose image has changed are made anew. */
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { formatRows } from "../table.ts";
import { accessOf, accessOptions } from "./registry-options.ts";

const { authfile, tlsVerify } = accessOptions;

export const autoUpdate = defineCommand({
  summary: "Make containers anew whose image has changed",
  usage: "",
  description:
    "Of the containers that run, those with the label io.containers.autoupdate=registry when their registry has another image, those with io.containers.autoupdate=local when the name of their image has another meaning. Settings, volumes, networks and name stay. A new one that does not start, ends within two seconds, or whose health check fails is taken back. A container that a systemd unit makes (label PODMAN_SYSTEMD_UNIT) is left to that unit, which is started again.",
  examples: [
    "cooper auto-update --dry-run",
    "cooper auto-update --format '{{.Image}} {{.Updated}}'",
  ],
  options: {
    authfile,
    dryRun: { flag: "--dry-run", type: flagSwitch, help: "Only show what would be done" },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    rollback: {
      flag: "--rollback",
      type: flagSwitch,
      help: "Take back what fails",
      defaultText: "true",
    },
    tlsVerify,
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const results = await engine.containers.autoUpdate({
      ...accessOf(options),
      isDry: options.dryRun ?? false,
      rollsBack: options.rollback ?? true,
    });
    print(
      formatRows({
        rows: results.map(({ container: { id, name, resolved }, unit, policy, updated }) => ({
          Unit: unit,
          Container: `${id.slice(0, 12)} (${name})`,
          ContainerName: name,
          ContainerID: id,
          Image: resolved.imageName,
          Policy: policy,
          Updated: updated,
        })),
        columns: [
          { header: "UNIT", template: "{{.Unit}}" },
          { header: "CONTAINER", template: "{{.Container}}" },
          { header: "IMAGE", template: "{{.Image}}" },
          { header: "POLICY", template: "{{.Policy}}" },
          { header: "UPDATED", template: "{{.Updated}}" },
        ],
        headers: { ContainerName: "CONTAINER NAME", ContainerID: "CONTAINER ID" },
        format: options.format,
      }),
    );
    for (const { container, updated, why } of results)
      if (why !== undefined) tell(`Error: ${container.name}: ${updated}: ${why}\n`);
    return results.some(({ updated }) => updated === "failed") ? 125 : 0;
  },
});
