/** `stats`: what containers use of processor, memory, disk and network. */
import type { ContainerStats } from "../../container/stats.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, integer, string } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { bytesSize, humanDuration, humanSize } from "../human.ts";
import { print } from "../output.ts";
import { latest, selectContainers } from "../select.ts";
import { formatRows } from "../table.ts";

export const stats = defineCommand({
  summary: "Show what containers use",
  usage: "[CONTAINER...]",
  description: "Without names all that run. On a terminal the table is shown again and again.",
  examples: ["cooper stats --no-stream", "cooper stats --format '{{.Name}} {{.MemUsage}}' web"],
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "Also those that do not run" },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    interval: {
      flag: "--interval",
      short: "-i",
      type: { ...integer, placeholder: "SECONDS" },
      help: "Between two tables",
      defaultText: "1",
    },
    latest,
    noReset: { flag: "--no-reset", type: flagSwitch, help: "Do not clear the screen" },
    noStream: { flag: "--no-stream", type: flagSwitch, help: "Show it once" },
    noTrunc: { flag: "--no-trunc", type: flagSwitch, help: "Whole ids" },
  },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options }) {
    const { interval = 1, latest: isLatest } = options;
    if (interval < 1) throw new CooperError("invalid-argument", "--interval is at least 1 second");
    const isNamed = args.length > 0 || isLatest === true;
    const names = isNamed ? await selectContainers(engine, args, { latest: isLatest }) : null;
    const lines = await engine.containers.stats(names, {
      all: options.all ?? false,
      intervalMs: interval * 1000,
      firstIntervalMs: 250,
    });
    const clears = !options.noStream && !options.noReset && isTerminal(1);
    for await (const rows of lines) {
      const text = table(rows, options.format, options.noTrunc ?? false);
      print(clears ? `\x1b[2J\x1b[H${text}` : text);
      if (options.noStream) return;
    }
  },
});

function table(
  rows: readonly ContainerStats[],
  format: string | undefined,
  isWhole: boolean,
): string {
  return formatRows({
    rows: rows.map((row) => new StatsRow(row, isWhole)),
    columns: [
      { header: "CONTAINER ID", template: "{{.ID}}" },
      { header: "NAME", template: "{{.Name}}" },
      { header: "CPU %", template: "{{.CPUPerc}}" },
      { header: "MEM USAGE / LIMIT", template: "{{.MemUsage}}" },
      { header: "MEM %", template: "{{.MemPerc}}" },
      { header: "NET I/O", template: "{{.NetIO}}" },
      { header: "BLOCK I/O", template: "{{.BlockIO}}" },
      { header: "PIDS", template: "{{.PIDs}}" },
    ],
    headers: { AvgCPU: "AVG CPU %", UpTime: "CPU TIME", Container: "CONTAINER" },
    format,
    json: () => rows.map(document),
  });
}

const memoryPercent = ({ memoryBytes, limitBytes }: ContainerStats) =>
  limitBytes === 0 ? 0 : (memoryBytes / limitBytes) * 100;

/** The fields of both peers' templates. A container that does not run has dashes, as in docker's. */
class StatsRow {
  constructor(stats: ContainerStats, isWhole: boolean) {
    const id = isWhole ? stats.id : stats.id.slice(0, 12);
    const running = (text: () => string, none = "--") => (stats.isRunning ? text() : none);
    const fields: Record<string, () => unknown> = {
      ID: () => id,
      Container: () => id,
      ContainerID: () => stats.id,
      Name: () => stats.name,
      CPUPerc: () => running(() => `${stats.cpuPercent.toFixed(2)}%`),
      CPU: () => stats.cpuPercent,
      AvgCPU: () => running(() => `${stats.averageCpuPercent.toFixed(2)}%`),
      CPUNano: () => stats.cpuNanoseconds,
      MemUsage: () =>
        running(
          () => `${bytesSize(stats.memoryBytes)} / ${bytesSize(stats.limitBytes)}`,
          "-- / --",
        ),
      MemUsageBytes: () =>
        running(
          () => `${bytesSize(stats.memoryBytes)} / ${bytesSize(stats.limitBytes)}`,
          "-- / --",
        ),
      MemLimit: () => stats.limitBytes,
      MemPerc: () => running(() => `${memoryPercent(stats).toFixed(2)}%`),
      NetIO: () =>
        running(() => `${humanSize(stats.receivedBytes, 3)} / ${humanSize(stats.sentBytes, 3)}`),
      NetInput: () => stats.receivedBytes,
      NetOutput: () => stats.sentBytes,
      BlockIO: () =>
        running(() => `${humanSize(stats.readBytes, 3)} / ${humanSize(stats.writtenBytes, 3)}`),
      BlockInput: () => stats.readBytes,
      BlockOutput: () => stats.writtenBytes,
      PIDs: () => running(() => `${stats.pids}`),
      PIDS: () => stats.pids,
      UpTime: () => running(() => humanDuration(stats.cpuNanoseconds / 1e6)),
    };
    for (const [name, get] of Object.entries(fields))
      Object.defineProperty(this, name, { get, enumerable: true });
  }
}

/** As `podman stats --format json`. */
function document(stats: ContainerStats): Record<string, unknown> {
  const row = new StatsRow(stats, false) as unknown as Record<string, unknown>;
  return {
    id: row.ID,
    name: stats.name,
    cpu_time: humanDuration(stats.cpuNanoseconds / 1e6),
    cpu_percent: row.CPUPerc,
    avg_cpu: row.AvgCPU,
    mem_usage: row.MemUsage,
    mem_percent: row.MemPerc,
    net_io: row.NetIO,
    block_io: row.BlockIO,
    pids: row.PIDs,
  };
}
