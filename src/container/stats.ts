/** `stats`: what containers use, between two looks at the kernel's counters. */
import { availableParallelism } from "node:os";
import {
  machineCpuNanoseconds,
  machineMemoryBytes,
  type NetworkUsage,
  networkUsageOf,
  type Usage,
  usageOf,
} from "../system/usage.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";

/** The counters of a container at one moment; all zero when it does not run. */
export interface StatsSample extends Usage, NetworkUsage {
  readonly id: string;
  readonly name: string;
  readonly takenAtMs: number;
  readonly startedAtMs: number;
  readonly isRunning: boolean;
}

/** A line of `stats`. */
export interface ContainerStats extends StatsSample {
  /** Of one core, since the sample before (or the start): 100 is a core kept busy. */
  readonly cpuPercent: number;
  /** The same since the start. */
  readonly averageCpuPercent: number;
  /** The container's limit, or all that the machine has. */
  readonly limitBytes: number;
}

const idle: Usage & NetworkUsage = {
  cpuNanoseconds: 0,
  memoryBytes: 0,
  memoryLimitBytes: null,
  pids: 0,
  readBytes: 0,
  writtenBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
};

/** Looks at the counters of a container now. */
export function sampleStats(container: ContainerRecord): StatsSample {
  const usage = isAlive(container) ? usageOf(container.pid, container.id) : undefined;
  const network = usage === undefined ? undefined : networkUsageOf(container.pid);
  return {
    ...idle,
    ...usage,
    ...network,
    id: container.id,
    name: container.name,
    takenAtMs: Date.now(),
    startedAtMs: container.startedAt,
    isRunning: usage !== undefined,
  };
}

/** What the machine did meanwhile. */
export interface MachineSample {
  readonly machineCpuNanoseconds: number;
  readonly cpus: number;
  readonly machineMemoryBytes: number;
}

/** As sampleStats(), with what there is to compare it with. */
export function sampleWithMachine(container: ContainerRecord): StatsSample & MachineSample {
  return {
    ...sampleStats(container),
    machineCpuNanoseconds: machineCpuNanoseconds(),
    cpus: availableParallelism(),
    machineMemoryBytes: machineMemoryBytes(),
  };
}

/** What a sample means, against the one before it. */
export function compareStats(
  now: StatsSample,
  before: StatsSample | undefined,
  machineBytes: number,
): ContainerStats {
  const percent = (nanoseconds: number, ms: number) =>
    ms <= 0 ? 0 : Math.max(nanoseconds / (ms * 1e6), 0) * 100;
  const averageCpuPercent = percent(now.cpuNanoseconds, now.takenAtMs - now.startedAtMs);
  const cpuPercent =
    before === undefined
      ? averageCpuPercent
      : percent(now.cpuNanoseconds - before.cpuNanoseconds, now.takenAtMs - before.takenAtMs);
  return {
    ...now,
    cpuPercent: now.isRunning ? cpuPercent : 0,
    averageCpuPercent: now.isRunning ? averageCpuPercent : 0,
    limitBytes: now.isRunning ? Math.min(now.memoryLimitBytes ?? machineBytes, machineBytes) : 0,
  };
}

export interface StatsOptions {
  /** Between two looks. */
  readonly intervalMs: number;
  /** The first look is compared with another one this much later, so that it tells of now. */
  readonly firstIntervalMs: number;
}

/** The lines of all containers that `choose` names, again and again; the reader ends it. */
export async function* watchStats(
  choose: () => readonly ContainerRecord[],
  options: StatsOptions,
): AsyncGenerator<ContainerStats[], void> {
  const machineBytes = machineMemoryBytes();
  let before = new Map(choose().map((container) => [container.id, sampleStats(container)]));
  for (let waitMs = options.firstIntervalMs; ; waitMs = options.intervalMs) {
    await Bun.sleep(waitMs);
    const samples = choose().map(sampleStats);
    yield samples.map((sample) => compareStats(sample, before.get(sample.id), machineBytes));
    before = new Map(samples.map((sample) => [sample.id, sample]));
  }
}
