/** What containers use, in Podman's shape. Pure. */
import type { ContainerStats } from "../../container/stats.ts";

const share = (part: number, whole: number) => (whole > 0 ? (part / whole) * 100 : 0);

/** libpod/define, ContainerStats. */
export function statsReport(row: ContainerStats): Record<string, unknown> {
  return {
    AvgCPU: row.averageCpuPercent,
    ContainerID: row.id,
    Name: row.name,
    PerCPU: null,
    CPU: row.cpuPercent,
    CPUNano: row.cpuNanoseconds,
    CPUSystemNano: 0,
    SystemNano: row.isRunning ? row.takenAtMs * 1e6 : 0,
    MemUsage: row.memoryBytes,
    MemLimit: row.limitBytes,
    MemPerc: share(row.memoryBytes, row.limitBytes),
    // newer clients ask for links one by one
    Network: row.isRunning ? { eth0: linkOf(row) } : null,
    NetInput: row.receivedBytes,
    NetOutput: row.sentBytes,
    BlockInput: row.readBytes,
    BlockOutput: row.writtenBytes,
    PIDs: row.pids,
    // what its clients show under CPU TIME
    UpTime: row.cpuNanoseconds,
    Duration: row.cpuNanoseconds,
  };
}

/** All of its links together. */
function linkOf({ receivedBytes, sentBytes }: ContainerStats) {
  return {
    RxBytes: receivedBytes,
    RxDropped: 0,
    RxErrors: 0,
    RxPackets: 0,
    TxBytes: sentBytes,
    TxDropped: 0,
    TxErrors: 0,
    TxPackets: 0,
  };
}
