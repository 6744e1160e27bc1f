/** What a container uses, out of Docker's stats: the inverse of `stats.ts`. Pure. */
import type { ContainerStats } from "../../container/stats.ts";
import { type Json, moment, number, object, objects, ownPart, text } from "./reading.ts";

/** One item of `/containers/{id}/stats`. */
export function readStats(document: Json): ContainerStats {
  const own = ownPart(document);
  const cpu = object(document.cpu_stats);
  const before = object(document.precpu_stats);
  const memory = object(document.memory_stats);
  const counters = object(memory.stats);
  const takenAtMs = moment(document.read);
  const cpuNanoseconds = number(object(cpu.cpu_usage).total_usage);
  const startedAtMs = number(own?.startedAtMs);
  const isRunning = takenAtMs > 0;
  // the page cache that can be dropped: Docker's client takes it off too
  const cache = number(counters.inactive_file) || number(counters.total_inactive_file);
  const networks = Object.values(object(document.networks)).map(object);
  const blocks = objects(object(document.blkio_stats).io_service_bytes_recursive);
  const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);
  const blockBytes = (op: string) =>
    sumOf(
      blocks.filter((one) => text(one.op).toLowerCase() === op).map((one) => number(one.value)),
    );
  const elapsed = (takenAtMs - startedAtMs) * 1e6;
  return {
    id: text(document.id),
    name: text(document.name).replace(/^\//, ""),
    takenAtMs,
    startedAtMs,
    isRunning,
    cpuNanoseconds,
    memoryBytes: Math.max(0, number(memory.usage) - cache),
    memoryLimitBytes: number(memory.limit),
    limitBytes: number(memory.limit),
    pids: number(object(document.pids_stats).current),
    readBytes: blockBytes("read"),
    writtenBytes: blockBytes("write"),
    receivedBytes: sumOf(networks.map((one) => number(one.rx_bytes))),
    sentBytes: sumOf(networks.map((one) => number(one.tx_bytes))),
    cpuPercent: percentOf(cpu, before),
    averageCpuPercent: startedAtMs > 0 && elapsed > 0 ? (cpuNanoseconds / elapsed) * 100 : 0,
  };
}

/** Of one core: its share of what all cores did meanwhile, times the cores. */
function percentOf(cpu: Json, before: Json): number {
  const used =
    number(object(cpu.cpu_usage).total_usage) - number(object(before.cpu_usage).total_usage);
  const all = number(cpu.system_cpu_usage) - number(before.system_cpu_usage);
  const cores = number(cpu.online_cpus) || 1;
  return used > 0 && all > 0 ? (used / all) * cores * 100 : 0;
}
