/** `buildx ls`, `inspect`, `use`, `version`: there is one builder, which is cooper itself. */
import { CooperError } from "../../errors.ts";
import { formatPlatform, hostPlatform } from "../../oci/platform.ts";
import { flagSwitch, string } from "../../option.ts";
import { version as engineVersion, versionText } from "../../version.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { formatRows } from "../table.ts";

/** What it is called where a name is asked for. */
const name = "default";

/** Names it. @throws CooperError no-such-object for any other name */
export function assertBuilder(asked: string | undefined): void {
  if (asked === undefined || asked === name) return;
  throw new CooperError("no-such-object", `no builder ${JSON.stringify(asked)} found`, {
    hint: `there is one builder, ${name}, which is cooper itself`,
  });
}

/** Of every command that works with a builder. */
export const builderOption = {
  flag: "--builder",
  type: {
    placeholder: "NAME",
    parse(text: string) {
      assertBuilder(text);
      return text;
    },
  },
  help: "Builder to work with",
  defaultText: name,
} as const;

const timeout = {
  flag: "--timeout",
  type: string,
  help: "How long to wait for the builder",
  ignored: "there is no builder to wait for",
} as const;

export const ls = defineCommand({
  summary: "List builders, of which there is one",
  usage: "",
  examples: ["cooper buildx ls"],
  options: {
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    noTrunc: {
      flag: "--no-trunc",
      type: flagSwitch,
      help: "Whole texts",
      ignored: "nothing is cut",
    },
    timeout,
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ options }) {
    const row = {
      Name: name,
      Current: true,
      DriverEndpoint: "cooper",
      Status: "running",
      Buildkit: engineVersion,
      Platforms: formatPlatform(hostPlatform()),
    };
    print(
      formatRows({
        rows: [row],
        columns: [
          { header: "NAME/NODE", template: "{{.Name}}*" },
          { header: "DRIVER/ENDPOINT", template: "{{.DriverEndpoint}}" },
          { header: "STATUS", template: "{{.Status}}" },
          { header: "BUILDKIT", template: "{{.Buildkit}}" },
          { header: "PLATFORMS", template: "{{.Platforms}}" },
        ],
        format: options.format,
      }),
    );
  },
});

export const inspect = defineCommand({
  summary: "Show the builder",
  usage: "[NAME]",
  examples: ["cooper buildx inspect"],
  options: {
    bootstrap: {
      flag: "--bootstrap",
      type: flagSwitch,
      help: "Start it first",
      ignored: "nothing has to be started",
    },
    builder: builderOption,
    timeout,
  },
  args: { min: 0, max: 1 },
  staysOutside: true,
  async run({ args: [asked] }) {
    assertBuilder(asked);
    print(
      [
        `Name:   ${name}`,
        "Driver: cooper",
        "",
        "Nodes:",
        `Name:             ${name}`,
        `Endpoint:         ${name}`,
        "Status:           running",
        `Cooper version:   ${engineVersion}`,
        `Platforms:        ${formatPlatform(hostPlatform())}`,
        "",
      ].join("\n"),
    );
  },
});

export const use = defineCommand({
  summary: "Choose a builder, of which there is one",
  usage: "NAME",
  examples: ["cooper buildx use default"],
  options: {
    builder: builderOption,
    default: {
      flag: "--default",
      type: flagSwitch,
      help: "For later too",
      ignored: "it always is",
    },
    global: { flag: "--global", type: flagSwitch, help: "Everywhere", ignored: "it is everywhere" },
  },
  args: { min: 1, max: 1 },
  staysOutside: true,
  run: async ({ args: [asked] }) => assertBuilder(asked),
});

export const version = defineCommand({
  summary: "Show the version",
  usage: "",
  examples: ["cooper buildx version"],
  options: {},
  args: { min: 0, max: 0 },
  staysOutside: true,
  run: async () => print(`${versionText}\n`),
});
