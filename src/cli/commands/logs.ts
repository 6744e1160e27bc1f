/** `logs`: what containers have printed. */

import type { LogEntry } from "../../container/logs.ts";
import { parseMoment } from "../../moment.ts";
import { flagSwitch, integer, string } from "../../option.ts";
import { writeAll } from "../../system/pipe.ts";
import { defineCommand } from "../command.ts";
import { latest, selectContainers } from "../select.ts";

const time = { ...string, placeholder: "TIME" };

export const logs = defineCommand({
  summary: "Show what containers have printed",
  usage: "[CONTAINER...]",
  examples: ["cooper logs -f web", "cooper logs --since 10m --tail 100 web"],
  options: {
    latest,
    color: { flag: "--color", type: flagSwitch, help: "With --names: one colour a container" },
    details: {
      flag: "--details",
      type: flagSwitch,
      help: "Begin lines with what --log-opt labels, env and tag name",
    },
    follow: {
      flag: "--follow",
      short: "-f",
      type: flagSwitch,
      help: "Go on until the container ends",
    },
    names: {
      flag: "--names",
      short: "-n",
      type: flagSwitch,
      help: "Begin lines with the container's name",
    },
    since: {
      flag: "--since",
      type: time,
      help: "Only what is newer: a time, or a duration such as 10m",
    },
    tail: {
      flag: "--tail",
      type: {
        ...integer,
        placeholder: "LINES",
        parse: (text) => (text === "all" ? -1 : integer.parse(text)),
      },
      help: "Only the last lines",
      defaultText: "all",
    },
    timestamps: {
      flag: "--timestamps",
      short: "-t",
      type: flagSwitch,
      help: "Begin lines with their time",
    },
    until: { flag: "--until", type: time, help: "Only what is older" },
  },
  args: { min: 0 },
  completes: "container",
  staysOutside: false,
  async run({ engine, args, options }) {
    const ids = await selectContainers(engine, args, options);
    const how = {
      tail: options.tail === undefined || options.tail < 0 ? null : options.tail,
      since: options.since === undefined ? null : parseMoment(options.since),
      until: options.until === undefined ? null : parseMoment(options.until),
      follow: options.follow ?? false,
    };
    const several = ids.length > 1;
    const show = async (id: string, position: number) => {
      const container = await engine.containers.get(id);
      const { name, id: fullId } = container;
      const label = options.names ? name : several ? fullId.slice(0, 12) : "";
      const printer = new LinePrinter(
        prefix(label, position, options.color ?? false),
        options.timestamps ?? false,
        options.details ? `${await engine.containers.logAttributes(container)} ` : "",
      );
      for await (const entries of await engine.containers.logs(id, how))
        if (!printer.print(entries)) return;
    };
    if (how.follow) await Promise.all(ids.map(show));
    else for (const [position, id] of ids.entries()) await show(id, position);
  },
});

function prefix(label: string, position: number, isColored: boolean): string {
  if (label === "") return "";
  return isColored ? `\x1b[${31 + (position % 6)}m${label}\x1b[0m ` : `${label} `;
}

/** Parts of a line are joined as they were printed: only its beginning has a name and a time. */
class LinePrinter {
  private readonly label: string;
  private readonly hasTimes: boolean;
  private readonly details: string;
  private readonly isInLine = { stdout: false, stderr: false };

  constructor(label: string, hasTimes: boolean, details: string) {
    this.details = details;
    this.label = label;
    this.hasTimes = hasTimes;
  }

  /** False when nobody reads any more. */
  print(entries: readonly LogEntry[]): boolean {
    for (let start = 0; start < entries.length; ) {
      const stream = entries[start]?.stream;
      let end = start + 1;
      while (entries[end]?.stream === stream) end++;
      const bytes = Buffer.concat(entries.slice(start, end).flatMap((entry) => this.parts(entry)));
      if (writeAll(stream === "stdout" ? 1 : 2, bytes) !== "written") return false;
      start = end;
    }
    return true;
  }

  private parts({ stream, time, text, isPartial }: LogEntry): Buffer[] {
    const isContinued = this.isInLine[stream];
    this.isInLine[stream] = isPartial;
    const begin = `${this.label}${this.hasTimes ? `${time} ` : ""}${this.details}`;
    const head = isContinued ? "" : begin;
    return head === "" ? [text] : [Buffer.from(head), text];
  }
}
