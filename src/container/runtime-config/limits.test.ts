import { describe, expect, test } from "bun:test";
import {
  allCapabilities,
  capabilitiesOfMask,
  capabilitySets,
  mergeCapabilities,
} from "./capabilities.ts";
import { type Changes, inputWith } from "./input.fixture.ts";
import type { RuntimeCgroup } from "./input.ts";
import { maskedPaths, readonlyPaths } from "./kernel-paths.ts";
import { namespaces } from "./namespaces.ts";
import { parseDeviceRule, resources } from "./resources.ts";
import { rlimits } from "./rlimits.ts";
import { sysctls } from "./sysctls.ts";

const oldCgroup: RuntimeCgroup = { version: 1, manager: "cgroupfs", path: "/x", canLimit: true };

describe("resources()", () => {
  const deny = [{ allow: false, access: "rwm" }];
  const rows: [name: string, changes: Changes, expected: unknown, warnings?: number][] = [
    ["the configured number of processes", {}, { devices: deny, pids: { limit: 2048 } }],
    [
      "no number of processes",
      { spec: { resources: { pidsLimit: 0 } } },
      { devices: deny, pids: { limit: -1 } },
    ],
    [
      "memory with swap",
      { spec: { resources: { memoryBytes: 100 } } },
      { devices: deny, memory: { limit: 100, swap: 200 }, pids: { limit: 2048 } },
    ],
    [
      "unlimited swap",
      { spec: { resources: { memoryBytes: 100, memorySwapBytes: -1 } } },
      { devices: deny, memory: { limit: 100, swap: -1 }, pids: { limit: 2048 } },
    ],
    [
      "swap of its own",
      {
        spec: { resources: { memoryBytes: 100, memorySwapBytes: 150, memoryReservationBytes: 50 } },
      },
      { devices: deny, memory: { limit: 100, reservation: 50, swap: 150 }, pids: { limit: 2048 } },
    ],
    [
      "processors",
      {
        spec: {
          resources: {
            cpuQuotaMicroseconds: 150000,
            cpuPeriodMicroseconds: 100000,
            cpuShares: 5,
            cpusetCpus: "0-1",
          },
        },
      },
      {
        devices: deny,
        cpu: { shares: 5, quota: 150000, period: 100000, cpus: "0-1" },
        pids: { limit: 2048 },
      },
    ],
    [
      "what only version 1 has",
      {
        spec: {
          resources: {
            memorySwappiness: 0,
            oomKillDisable: true,
            cpuRealtimeRuntimeMicroseconds: 9,
          },
        },
        input: { cgroup: oldCgroup },
      },
      {
        devices: deny,
        memory: { swappiness: 0, disableOOMKiller: true },
        cpu: { realtimeRuntime: 9 },
        pids: { limit: 2048 },
      },
    ],
    [
      "what version 2 has not",
      {
        spec: {
          resources: {
            memorySwappiness: 0,
            oomKillDisable: true,
            cpuRealtimeRuntimeMicroseconds: 9,
          },
        },
      },
      { devices: deny, pids: { limit: 2048 } },
      3,
    ],
    [
      "block devices",
      {
        spec: {
          resources: {
            blkioWeight: 100,
            deviceReadBps: [{ path: "/dev/sda", value: 5 }],
            blkioWeightDevice: [{ path: "/dev/sda", value: 7 }],
          },
        },
        input: { blockDevices: { "/dev/sda": { major: 8, minor: 0 } } },
      },
      {
        devices: deny,
        pids: { limit: 2048 },
        blockIO: {
          weight: 100,
          weightDevice: [{ major: 8, minor: 0, weight: 7 }],
          throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }],
        },
      },
    ],
    [
      "files of version 2",
      { spec: { resources: { unified: { "memory.high": "1" } } } },
      { devices: deny, pids: { limit: 2048 }, unified: { "memory.high": "1" } },
    ],
    [
      "rules for devices",
      { spec: { deviceCgroupRules: ["c 42:* rwm"] } },
      {
        devices: [...deny, { allow: true, type: "c", major: 42, access: "rwm" }],
        pids: { limit: 2048 },
      },
    ],
    [
      "no rules for devices in a user namespace",
      { input: { isRootless: true } },
      { pids: { limit: 2048 } },
    ],
    [
      "nothing without a cgroup",
      { input: { cgroup: { ...oldCgroup, canLimit: false } } },
      undefined,
      0,
    ],
    [
      "nothing without a cgroup, said for what was asked",
      {
        spec: { resources: { memoryBytes: 1, cpuQuotaMicroseconds: 1 } },
        input: { cgroup: { ...oldCgroup, canLimit: false } },
      },
      undefined,
      1,
    ],
  ];
  test.each(rows)("has %s", (_, changes, expected, count = 0) => {
    const warnings: string[] = [];
    expect(resources(inputWith(changes), warnings)).toEqual(
      expected as ReturnType<typeof resources>,
    );
    expect(warnings).toHaveLength(count);
  });

  test.each<[Changes, string]>([
    [{ spec: { resources: { memorySwapBytes: 5 } } }, "--memory-swap needs --memory"],
    [{ spec: { resources: { memorySwapBytes: 5, memoryBytes: 6 } } }, "must not be less"],
    [{ spec: { resources: { memoryReservationBytes: 7, memoryBytes: 6 } } }, "must not be more"],
    [
      { spec: { resources: { deviceReadBps: [{ path: "/dev/no", value: 1 }] } } },
      "/dev/no is not a block device",
    ],
    [{ spec: { resources: { unified: { "../x": "1" } } } }, "no name of a cgroup file"],
    [
      { spec: { resources: { unified: { "memory.high": "1" } } }, input: { cgroup: oldCgroup } },
      "needs a host with cgroup v2",
    ],
    [
      { spec: { deviceCgroupRules: ["c 1:3 rwm"] }, input: { isRootless: true } },
      "not possible in a user namespace",
    ],
  ])("refuses %j", (changes, message) => {
    expect(() => resources(inputWith(changes), [])).toThrow(message);
  });
});

test.each([["c 1:3 x"], ["d 1:3 r"], ["c 1 r"], ["c -1:3 r"], [""], ["a"]])(
  "parseDeviceRule(%j) refuses",
  (text) => {
    expect(() => parseDeviceRule(text)).toThrow("must be TYPE MAJOR:MINOR ACCESS");
  },
);

describe("rlimits()", () => {
  const asUser = { canRaiseRlimits: false };
  const generous = ["NOFILE 1048576:1048576", "NPROC 1048576:1048576"];
  const rows: [name: string, changes: Changes, expected: string[], warnings?: number][] = [
    ["generous ones as root", {}, generous],
    ["our own as a user", { input: asUser }, ["NOFILE 4096:4096", "NPROC 200:200"]],
    [
      "the configured ones",
      { settings: { defaultUlimits: [{ name: "nofile", soft: 10, hard: 20 }] } },
      ["NOFILE 10:20", "NPROC 1048576:1048576"],
    ],
    [
      "the configured ones, clamped without a word",
      { settings: { defaultUlimits: [{ name: "nofile", soft: 5000, hard: 5000 }] }, input: asUser },
      ["NOFILE 4096:4096", "NPROC 200:200"],
    ],
    [
      "the user's",
      { spec: { resources: { ulimits: [{ name: "core", soft: 0, hard: 0 }] } } },
      [...generous, "CORE 0:0"],
    ],
    [
      "the user's, clamped with a word",
      {
        spec: { resources: { ulimits: [{ name: "nofile", soft: 9000, hard: -1 }] } },
        input: asUser,
      },
      ["NOFILE 4096:4096", "NPROC 200:200"],
      1,
    ],
    [
      "unlimited",
      { spec: { resources: { ulimits: [{ name: "core", soft: -1, hard: -1 }] } }, input: asUser },
      ["NOFILE 4096:4096", "NPROC 200:200", "CORE 18446744073709551615:18446744073709551615"],
    ],
    [
      "the host's",
      { spec: { resources: { ulimits: [{ name: "host", soft: 0, hard: 0 }] } } },
      ["NOFILE 1024:4096", "NPROC 100:200", "CORE 0:18446744073709551615"],
    ],
  ];
  test.each(rows)("are %s", (_, changes, expected, count = 0) => {
    const warnings: string[] = [];
    const text = JSON.stringify(rlimits(inputWith(changes), warnings));
    const lines = [...text.matchAll(/"RLIMIT_([A-Z]+)","soft":(\d+),"hard":(\d+)/g)].map(
      ([, name, soft, hard]) => `${name} ${soft}:${hard}`,
    );
    expect(lines).toEqual(expected);
    expect(warnings).toHaveLength(count);
  });
  test("refuse an unknown name", () => {
    expect(() =>
      rlimits(
        inputWith({ spec: { resources: { ulimits: [{ name: "x", soft: 0, hard: 0 }] } } }),
        [],
      ),
    ).toThrow('unknown ulimit "x"');
  });
});

describe("capabilities", () => {
  const possible = [...allCapabilities];
  test.each([
    ["the defaults", [], [], ["CAP_CHOWN", "CAP_KILL"]],
    ["one more", ["net_raw"], [], ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]],
    ["one less", [], ["CAP_KILL"], ["CAP_CHOWN"]],
    ["none", [], ["all"], []],
    ["none but one", ["SYS_TIME"], ["ALL"], ["CAP_SYS_TIME"]],
    ["all", ["ALL"], [], [...possible].sort()],
    [
      "all but one",
      ["ALL"],
      ["CHOWN"],
      [...possible].sort().filter((name) => name !== "CAP_CHOWN"),
    ],
  ])("mergeCapabilities() gives %s", (_, added, dropped, expected) => {
    expect(mergeCapabilities(["CHOWN", "KILL"], added, dropped, possible)).toEqual(expected);
  });
  test.each([
    [["nope"], [], 'unknown capability "nope"'],
    [["CHOWN"], ["cap_chown"], "both added and dropped"],
    [["ALL"], ["ALL"], "both added and dropped"],
  ])("mergeCapabilities() refuses %j and %j", (added, dropped, message) => {
    expect(() => mergeCapabilities([], added, dropped, possible)).toThrow(message);
  });

  const app = { uid: 1000, gid: 1000, additionalGids: [], name: "app", home: "/" };
  const rows: [
    name: string,
    changes: Changes,
    bounding: number,
    effective: string[] | number,
    ambient: string[],
  ][] = [
    ["root has the defaults", {}, 11, 11, []],
    ["a user has none", { input: { user: app } }, 11, [], []],
    [
      "a user has what was added",
      { input: { user: app }, spec: { capAdd: ["NET_RAW"] } },
      12,
      ["CAP_NET_RAW"],
      ["CAP_NET_RAW"],
    ],
    ["--privileged has all", { spec: { isPrivileged: true } }, 41, 41, []],
    [
      "--privileged has all of ours",
      { spec: { isPrivileged: true }, input: { engineCapabilities: ["CAP_CHOWN"] } },
      1,
      1,
      [],
    ],
    [
      "a privileged user has none",
      { spec: { isPrivileged: true }, input: { user: app } },
      41,
      [],
      [],
    ],
    [
      "nothing beyond our own",
      { spec: { capAdd: ["ALL"] }, input: { engineCapabilities: ["CAP_CHOWN", "CAP_KILL"] } },
      2,
      2,
      [],
    ],
    [
      "an image may want less",
      { image: { Cmd: ["x"], Labels: { "io.containers.capabilities": "chown,KILL" } } },
      2,
      ["CAP_CHOWN", "CAP_KILL"],
      [],
    ],
    [
      "an image may want none",
      { image: { Cmd: ["x"], Labels: { "io.containers.capabilities": "" } } },
      0,
      [],
      [],
    ],
    [
      "an image gets no more",
      { image: { Cmd: ["x"], Labels: { "io.containers.capabilities": "SYS_ADMIN" } } },
      11,
      11,
      [],
    ],
  ];
  test.each(rows)("capabilitySets(): %s", (_, changes, bounding, effective, ambient) => {
    const sets = capabilitySets(inputWith(changes), []);
    expect(sets.bounding).toHaveLength(bounding);
    if (typeof effective === "number") expect(sets.effective).toHaveLength(effective);
    else expect([...sets.effective]).toEqual(effective);
    expect([sets.permitted, sets.ambient, sets.inheritable]).toEqual([
      sets.effective,
      ambient,
      ambient,
    ]);
  });

  test("capabilitiesOfMask() reads /proc/self/status", () => {
    expect(capabilitiesOfMask("0000000000000021")).toEqual(["CAP_CHOWN", "CAP_KILL"]);
    expect(capabilitiesOfMask("000001ffffffffff")).toEqual([...allCapabilities]);
  });
});

describe("sysctls()", () => {
  const ping = { "net.ipv4.ping_group_range": "0 0" };
  const rows: [name: string, changes: Changes, expected: Record<string, string>][] = [
    ["the configured ones", {}, ping],
    ["none with the host's network", { input: { network: { kind: "host" } } }, {}],
    ["none below another container", { input: { canMountProc: false } }, {}],
    [
      "none in a network of the engine's",
      { input: { network: { kind: "path", path: "/n" }, idMappings: { uids: [], gids: [] } } },
      {},
    ],
    [
      "none in another container's network",
      {
        input: { network: { kind: "path", path: "/n" } },
        spec: {
          networking: { ...inputWith().spec.networking, mode: { kind: "container", of: "x" } },
        },
      },
      {},
    ],
    [
      "the user's",
      { spec: { sysctls: { "net.core.somaxconn": "9", "kernel/msgmax": "1" } } },
      { ...ping, "net.core.somaxconn": "9", "kernel.msgmax": "1" },
    ],
  ];
  test.each(rows)("are %s", (_, changes, expected) => {
    expect(sysctls(inputWith(changes))).toEqual(expected);
  });
  test.each<[Changes, string]>([
    [{ spec: { sysctls: { "kernel.panic": "1" } } }, "would change the host"],
    [{ spec: { sysctls: { "net..x": "1" } } }, "would change the host"],
    [
      { spec: { sysctls: { "net.x": "1" } }, input: { network: { kind: "host" } } },
      "no net namespace of its own",
    ],
    [
      { spec: { sysctls: { "kernel.sem": "1" }, ipc: { kind: "host" } } },
      "no ipc namespace of its own",
    ],
    [
      { spec: { sysctls: { "kernel.domainname": "x" }, uts: { kind: "host" } } },
      "no uts namespace of its own",
    ],
  ])("refuse %j", (changes, message) => {
    expect(() => sysctls(inputWith(changes))).toThrow(message);
  });
});

describe("namespaces()", () => {
  const all = "pid network ipc uts mount cgroup";
  const rows: [name: string, changes: Changes, expected: string][] = [
    ["its own", {}, all],
    [
      "the host's cgroups with version 1",
      { input: { cgroup: oldCgroup } },
      "pid network ipc uts mount",
    ],
    [
      "its own cgroups with version 1 when asked",
      { spec: { cgroup: { kind: "private" } }, input: { cgroup: oldCgroup } },
      all,
    ],
    [
      "the host's where asked",
      {
        spec: {
          pid: { kind: "host" },
          ipc: { kind: "host" },
          uts: { kind: "host" },
          cgroup: { kind: "host" },
        },
        input: { network: { kind: "host" } },
      },
      "mount",
    ],
    [
      "a user namespace",
      { input: { idMappings: { uids: [], gids: [] } } },
      "pid network ipc uts mount user cgroup",
    ],
    [
      "those of others",
      {
        input: {
          network: { kind: "path", path: "/n" },
          namespaces: { pid: "/p", ipc: "/i", uts: "/u", cgroup: "/c", user: "/us" },
        },
      },
      "pid=/p network=/n ipc=/i uts=/u mount user=/us cgroup=/c",
    ],
    ["an ipc namespace without /dev/shm", { spec: { ipc: { kind: "none" } } }, all],
  ];
  test.each(rows)("are %s", (_, changes, expected) => {
    const text = namespaces(inputWith(changes)).map(({ type, path }) =>
      path === undefined ? type : `${type}=${path}`,
    );
    expect(text.join(" ")).toBe(expected);
  });
});

describe("masked and read-only paths", () => {
  const rows: [name: string, changes: Changes, hidden: Record<string, boolean>][] = [
    [
      "by default",
      {},
      {
        "/proc/acpi": true,
        "/proc/interrupts": true,
        "/sys/devices/virtual/powercap": true,
        "/proc/sys": true,
        "/sys/kernel": false,
      },
    ],
    [
      "with --privileged",
      { spec: { isPrivileged: true, mask: ["/foo"] } },
      { "/proc/acpi": false, "/proc/sys": false, "/foo": true },
    ],
    [
      "unmasked by pattern",
      { spec: { unmask: ["/proc/a*:/proc/k*"] } },
      { "/proc/acpi": false, "/proc/keys": false, "/proc/scsi": true, "/proc/asound": false },
    ],
    [
      "all unmasked",
      { spec: { unmask: ["all"], mask: ["/foo"] } },
      { "/proc/acpi": false, "/proc/sys": false, "/foo": true },
    ],
    ["with more of the host's", { input: { extraMaskedPaths: ["/sys/x"] } }, { "/sys/x": true }],
    [
      "with the host's /sys",
      { input: { isRootless: true, canMountSysfs: false } },
      { "/sys/kernel": true },
    ],
    [
      "with the host's network rootless",
      { input: { isRootless: true, network: { kind: "host" } } },
      { "/sys/kernel": true },
    ],
  ];
  test.each(rows)("%s", (_, changes, hidden) => {
    const input = inputWith(changes);
    const paths = [...maskedPaths(input), ...readonlyPaths(input)];
    expect(
      Object.fromEntries(Object.keys(hidden).map((path) => [path, paths.includes(path)])),
    ).toEqual(hidden);
  });
  test("a relative path cannot be masked", () => {
    expect(() => maskedPaths(inputWith({ spec: { mask: ["proc"] } }))).toThrow("no absolute path");
  });
});
