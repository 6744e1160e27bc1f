import { describe, expect, test } from "bun:test";
import { cgroupPaths, networkTotals } from "../system/usage.ts";
import { compareStats, type StatsSample } from "./stats.ts";

const sample: StatsSample = {
  id: "1",
  name: "a",
  takenAtMs: 10_000,
  startedAtMs: 0,
  isRunning: true,
  cpuNanoseconds: 5e9,
  memoryBytes: 100,
  memoryLimitBytes: null,
  pids: 1,
  readBytes: 0,
  writtenBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
};

describe("compareStats()", () => {
  test("counts cores kept busy between two samples", () => {
    const before = { ...sample, takenAtMs: 9000, cpuNanoseconds: 3e9 };
    expect(compareStats(sample, before, 1000)).toMatchObject({
      cpuPercent: 200,
      averageCpuPercent: 50,
    });
  });

  test("without a sample before it counts from the start", () => {
    expect(compareStats(sample, undefined, 1000).cpuPercent).toBe(50);
  });

  test("counters that began anew are not negative", () => {
    const before = { ...sample, takenAtMs: 9000, cpuNanoseconds: 9e9 };
    expect(compareStats(sample, before, 1000).cpuPercent).toBe(0);
  });

  test.each([
    { memoryLimitBytes: null, limitBytes: 1000 },
    { memoryLimitBytes: 500, limitBytes: 500 },
    { memoryLimitBytes: 5000, limitBytes: 1000 },
  ])(
    "the limit $memoryLimitBytes is $limitBytes of the machine's 1000",
    ({ memoryLimitBytes, limitBytes }) => {
      expect(compareStats({ ...sample, memoryLimitBytes }, undefined, 1000).limitBytes).toBe(
        limitBytes,
      );
    },
  );

  test("one that does not run uses nothing", () => {
    const stats = compareStats({ ...sample, isRunning: false }, undefined, 1000);
    expect(stats).toMatchObject({ cpuPercent: 0, averageCpuPercent: 0, limitBytes: 0 });
  });
});

test("cgroupPaths() reads both versions", () => {
  expect([...cgroupPaths("5:cpu,cpuacct:/a/b\n1:name=systemd:/x\n0::/c:d\n")]).toEqual([
    ["cpu", "/a/b"],
    ["cpuacct", "/a/b"],
    ["name=systemd", "/x"],
    ["", "/c:d"],
  ]);
});

test("networkTotals() leaves the loopback out", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets",
    "    lo: 9999 1 0 0 0 0 0 0 9999 1 0 0 0 0 0 0",
    "  eth0: 1000 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0",
    "  eth1:1000 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0",
  ].join("\n");
  expect(networkTotals(text)).toEqual({ receivedBytes: 2000, sentBytes: 230 });
});
