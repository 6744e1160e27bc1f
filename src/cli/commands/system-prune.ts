/** `system prune`, `check` and `reset`: cleaning up, mending, and starting anew. */

import { flagSwitch, listOf, string } from "../../option.ts";
import type { PrunedStore } from "../../store/prune.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanSize } from "../human.ts";
import { print } from "../output.ts";

export const prune = defineCommand({
  summary: "Remove everything that nothing uses",
  usage: "",
  examples: ["cooper system prune", "cooper system prune -a --volumes -f"],
  options: {
    all: {
      flag: "--all",
      short: "-a",
      type: flagSwitch,
      help: "Also images with names, and with --volumes volumes with names",
    },
    build: {
      flag: "--build",
      type: flagSwitch,
      help: "Containers of builds that were killed too",
      ignored: "they are removed as soon as another build begins",
    },
    external: {
      flag: "--external",
      type: flagSwitch,
      help: "Containers of other tools too",
      refuse: "other tools have stores of their own",
    },
    filter: {
      flag: "--filter",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only what matches: label=KEY[=VALUE], label!=…, until=TIME",
    },
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
    volumes: { flag: "--volumes", type: flagSwitch, help: "Volumes too" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const how = {
      all: options.all ?? false,
      volumes: options.volumes ?? false,
      filters: options.filter,
    };
    if (!options.force && !(await isConfirmed(warning(how)))) return;
    print(report(await engine.system.prune(how)));
  },
});

function warning({ all, volumes }: { all: boolean; volumes: boolean }): string {
  return [
    "This removes:",
    "  - all containers that do not run",
    "  - all networks that no container uses",
    ...(volumes
      ? [`  - all volumes${all ? "" : " without a name of their own"} that no container uses`]
      : []),
    all
      ? "  - all images that no container uses"
      : "  - all images without a name that nothing uses",
    all ? "  - all that builds keep" : "  - what builds keep and no image has",
  ].join("\n");
}

function report({ reclaimedBytes, ...pruned }: PrunedStore): string {
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? "" : `${title}:\n${lines.map((line) => `${line}\n`).join("")}\n`;
  const { containers, networks, volumes, images, buildCache } = pruned;
  return [
    list("Deleted Containers", containers.ids),
    list("Deleted Networks", networks),
    list("Deleted Volumes", volumes.names),
    list("Deleted Images", [
      ...images.untagged.map((name) => `untagged: ${name}`),
      ...images.deleted.map((id) => `deleted: sha256:${id}`),
    ]),
    list(
      "Deleted build cache objects",
      buildCache.entries.map(({ id }) => id),
    ),
    `Total reclaimed space: ${humanSize(reclaimedBytes)}\n`,
  ].join("");
}
