/** `search`: what registries have. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, integer, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { type Column, formatRows } from "../table.ts";
import { accessOf, accessOptions } from "./registry-options.ts";

const name: Column = { header: "NAME", template: "{{.Name}}" };
const description: Column = { header: "DESCRIPTION", template: "{{.Description}}" };
const compatibleColumns: readonly Column[] = [
  { header: "STARS", template: "{{.Stars}}" },
  { header: "OFFICIAL", template: "{{.Official}}" },
  { header: "AUTOMATED", template: "{{.Automated}}" },
];

export const search = defineCommand({
  summary: "Search registries for images",
  usage: "TERM",
  description:
    "The registries are those that registries.conf searches for short names, or the one that the term names. Where a registry has no index, its catalogue is searched.",
  examples: [
    "cooper search --filter is-official --limit 3 alpine",
    "cooper search localhost:5000/",
    "cooper search --list-tags quay.io/podman/stable",
  ],
  options: {
    ...accessOptions,
    compatible: {
      flag: "--compatible",
      type: flagSwitch,
      help: "Show stars, official and automated too",
    },
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "stars=N, is-official=BOOL, is-automated=BOOL",
    },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, or a Go template",
    },
    limit: {
      flag: "--limit",
      type: integer,
      help: "How many, of each registry",
      defaultText: "25",
    },
    listTags: { flag: "--list-tags", type: flagSwitch, help: "List the tags of an image" },
    noTrunc: { flag: "--no-trunc", type: flagSwitch, help: "Do not cut long texts" },
  },
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ engine, args, options }) {
    const { limit = 25, format } = options;
    if (limit < 1) throw new CooperError("invalid-argument", `--limit ${limit} is less than 1`);
    const query = {
      ...accessOf(options),
      term: args[0] ?? "",
      limit,
      filters: options.filter,
    };
    if (options.listTags) {
      if (options.filter.length > 0)
        throw new CooperError("invalid-argument", "--list-tags and --filter exclude each other");
      const found = await engine.registries.searchTags(query);
      const rows = found.flatMap((one) => one.tags.map((tag) => ({ Name: one.name, Tag: tag })));
      const columns = [name, { header: "TAG", template: "{{.Tag}}" }];
      const json = () => found.map((one) => ({ Name: one.name, Tags: one.tags }));
      print(formatRows({ rows, columns, format, json }));
      return;
    }
    const found = await engine.registries.search(query);
    const rows = found.map((one) => ({
      Index: one.index,
      Name: one.name,
      Description: options.noTrunc ? one.description : cut(one.description),
      Stars: one.stars,
      StarCount: one.stars,
      Official: one.isOfficial ? "[OK]" : "",
      IsOfficial: one.isOfficial,
      Automated: one.isAutomated ? "[OK]" : "",
      IsAutomated: one.isAutomated,
    }));
    const columns = [name, description, ...(options.compatible ? compatibleColumns : [])];
    print(formatRows({ rows, columns, format }));
  },
});

/** To a line of a terminal, as Podman cuts it. */
function cut(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 44 ? `${line.slice(0, 44)}...` : line;
}
