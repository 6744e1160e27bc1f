/** The counters of a container in Docker's shape. Pure. */
import type { MachineSample, StatsSample } from "../../container/stats.ts";

type Sample = StatsSample & MachineSample;

const zeroTime = "0001-01-01T00:00:00Z";

/** One item of `/containers/{id}/stats`; `before` is the one that clients compare it with. */
export function statsDocument(
  sample: Sample,
  before: Sample | undefined,
  version: number,
): Record<string, unknown> {
  const limit = sample.memoryLimitBytes ?? sample.machineMemoryBytes;
  const common = {
    name: `/${sample.name}`,
    id: sample.id,
    ...(version >= 52 && { os_type: "linux" }),
  };
  if (!sample.isRunning) {
    return {
      ...common,
      read: zeroTime,
      preread: zeroTime,
      pids_stats: {},
      blkio_stats: blockIo([]),
      num_procs: 0,
      storage_stats: {},
      cpu_stats: cpu(undefined),
      precpu_stats: cpu(undefined),
      memory_stats: {},
    };
  }
  return {
    ...common,
    read: new Date(sample.takenAtMs).toISOString(),
    preread: before === undefined ? zeroTime : new Date(before.takenAtMs).toISOString(),
    pids_stats: { current: sample.pids },
    blkio_stats: blockIo([
      { major: 0, minor: 0, op: "read", value: sample.readBytes },
      { major: 0, minor: 0, op: "write", value: sample.writtenBytes },
    ]),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(sample),
    precpu_stats: cpu(before),
    memory_stats: {
      // clients take the page cache off by themselves; here that is done
      usage: sample.memoryBytes,
      stats: { inactive_file: 0, total_inactive_file: 0 },
      limit: Math.min(limit, sample.machineMemoryBytes),
    },
    networks: {
      eth0: {
        rx_bytes: sample.receivedBytes,
        rx_packets: 0,
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: sample.sentBytes,
        tx_packets: 0,
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
  };
}

function cpu(sample: Sample | undefined): Record<string, unknown> {
  return {
    cpu_usage: {
      total_usage: sample?.cpuNanoseconds ?? 0,
      usage_in_kernelmode: 0,
      usage_in_usermode: 0,
    },
    ...(sample !== undefined && {
      system_cpu_usage: sample.machineCpuNanoseconds,
      online_cpus: sample.cpus,
    }),
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

function blockIo(bytes: readonly unknown[]): Record<string, unknown> {
  return {
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}
