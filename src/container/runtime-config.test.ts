import { describe, expect, test } from "bun:test";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { type Changes, inputWith, testId } from "./runtime-config/input.fixture.ts";
import { execProcess, runtimeConfig } from "./runtime-config.ts";

const configWith = (changes: Changes = {}) => runtimeConfig(inputWith(changes)).config;
const asUser = { uid: 1000, gid: 1000, additionalGids: [2000], name: "app", home: "/home/app" };
const rootless: Changes["input"] = {
  isRootless: true,
  canRaiseRlimits: false,
  engineIdMappings: {
    uids: [
      { inside: 0, outside: 1000, size: 1 },
      { inside: 1, outside: 100000, size: 65536 },
    ],
    gids: [
      { inside: 0, outside: 1000, size: 1 },
      { inside: 1, outside: 100000, size: 65536 },
    ],
  },
};

describe("runtimeConfig()", () => {
  test("writes what podman writes for an ordinary container", () => {
    const { config, warnings } = runtimeConfig(inputWith());
    expect(warnings).toEqual([]);
    expect({
      ...config,
      mounts: [],
      linux: { ...config.linux, seccomp: undefined },
    }).toMatchInlineSnapshot(`
      {
        "annotations": {
          "io.container.manager": "cooper",
        },
        "hostname": "0123456789ab",
        "linux": {
          "cgroupsPath": "/cooper/x",
          "devices": [],
          "maskedPaths": [
            "/proc/acpi",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/dev/block",
            "/sys/devices/virtual/powercap",
            "/sys/firmware",
            "/sys/fs/selinux",
          ],
          "namespaces": [
            {
              "type": "pid",
            },
            {
              "type": "network",
            },
            {
              "type": "ipc",
            },
            {
              "type": "uts",
            },
            {
              "type": "mount",
            },
            {
              "type": "cgroup",
            },
          ],
          "readonlyPaths": [
            "/proc/asound",
            "/proc/bus",
            "/proc/fs",
            "/proc/irq",
            "/proc/sys",
            "/proc/sysrq-trigger",
          ],
          "resources": {
            "devices": [
              {
                "access": "rwm",
                "allow": false,
              },
            ],
            "pids": {
              "limit": 2048,
            },
          },
          "seccomp": undefined,
          "sysctl": {
            "net.ipv4.ping_group_range": "0 0",
          },
        },
        "mounts": [],
        "ociVersion": "1.0.2",
        "process": {
          "args": [
            "/bin/sh",
          ],
          "capabilities": {
            "ambient": [],
            "bounding": [
              "CAP_CHOWN",
              "CAP_DAC_OVERRIDE",
              "CAP_FOWNER",
              "CAP_FSETID",
              "CAP_KILL",
              "CAP_NET_BIND_SERVICE",
              "CAP_SETFCAP",
              "CAP_SETGID",
              "CAP_SETPCAP",
              "CAP_SETUID",
              "CAP_SYS_CHROOT",
            ],
            "effective": [
              "CAP_CHOWN",
              "CAP_DAC_OVERRIDE",
              "CAP_FOWNER",
              "CAP_FSETID",
              "CAP_KILL",
              "CAP_NET_BIND_SERVICE",
              "CAP_SETFCAP",
              "CAP_SETGID",
              "CAP_SETPCAP",
              "CAP_SETUID",
              "CAP_SYS_CHROOT",
            ],
            "inheritable": [],
            "permitted": [
              "CAP_CHOWN",
              "CAP_DAC_OVERRIDE",
              "CAP_FOWNER",
              "CAP_FSETID",
              "CAP_KILL",
              "CAP_NET_BIND_SERVICE",
              "CAP_SETFCAP",
              "CAP_SETGID",
              "CAP_SETPCAP",
              "CAP_SETUID",
              "CAP_SYS_CHROOT",
            ],
          },
          "cwd": "/",
          "env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "container=cooper",
            "HOSTNAME=0123456789ab",
            "HOME=/root",
          ],
          "noNewPrivileges": false,
          "rlimits": [
            {
              "hard": 1048576,
              "soft": 1048576,
              "type": "RLIMIT_NOFILE",
            },
            {
              "hard": 1048576,
              "soft": 1048576,
              "type": "RLIMIT_NPROC",
            },
          ],
          "terminal": false,
          "user": {
            "additionalGids": [
              0,
            ],
            "gid": 0,
            "uid": 0,
            "umask": 18,
          },
        },
        "root": {
          "path": "/run/cooper/c/x/merged",
          "readonly": false,
        },
      }
    `);
  });

  const rows: [
    name: string,
    changes: Changes,
    pick: (config: RuntimeSpec) => unknown,
    expected: unknown,
  ][] = [
    ["a terminal", { spec: { hasTty: true } }, (c) => c.process.terminal, true],
    [
      "its size",
      { spec: { hasTty: true }, input: { terminalSize: { rows: 33, columns: 77 } } },
      (c) => c.process.consoleSize,
      { height: 33, width: 77 },
    ],
    [
      "a socket to say that it is ready",
      { input: { notifyDirectory: "/bundle/notify" } },
      (c) => [
        c.process.env[0],
        c.mounts.find(({ destination }) => destination === "/run/notify")?.source,
      ],
      ["NOTIFY_SOCKET=/run/notify/notify.sock", "/bundle/notify"],
    ],
    [
      "no size without a terminal",
      { input: { terminalSize: { rows: 33, columns: 77 } } },
      (c) => c.process.consoleSize,
      undefined,
    ],
    ["a working directory", { spec: { workdir: "/a/../b" } }, (c) => c.process.cwd, "/b"],
    [
      "the image's relative one",
      { image: { Cmd: ["x"], WorkingDir: "app" } },
      (c) => c.process.cwd,
      "/app",
    ],
    ["a umask", { spec: { umask: "077" } }, (c) => c.process.user.umask, 0o77],
    [
      "groups with the primary one",
      { input: { user: asUser } },
      (c) => c.process.user.additionalGids,
      [1000, 2000],
    ],
    [
      "the caller's groups",
      { spec: { groups: ["keep-groups"] } },
      (c) => [c.process.user.additionalGids, c.annotations["run.oci.keep_original_groups"]],
      [[], "1"],
    ],
    [
      "no new privileges",
      { spec: { noNewPrivileges: true } },
      (c) => c.process.noNewPrivileges,
      true,
    ],
    [
      "an oom score",
      { spec: { resources: { oomScoreAdjust: -5 } } },
      (c) => c.process.oomScoreAdj,
      -5,
    ],
    [
      "an oom score as a user",
      {
        spec: { resources: { oomScoreAdjust: -5 } },
        input: { ...rootless, ownOomScoreAdjust: 10 },
      },
      (c) => c.process.oomScoreAdj,
      10,
    ],
    ["a read-only root", { spec: { isReadOnly: true } }, (c) => c.root.readonly, true],
    [
      "a read-only root by configuration",
      { settings: { readOnly: true } },
      (c) => c.root.readonly,
      true,
    ],
    [
      "a host name",
      { spec: { hostname: "box" } },
      (c) => [c.hostname, c.process.env.includes("HOSTNAME=box")],
      ["box", true],
    ],
    [
      "the name as host name",
      { settings: { containerNameAsHostname: true } },
      (c) => c.hostname,
      "quiet_test",
    ],
    [
      "the host's name",
      { spec: { uts: { kind: "host" } }, input: { hostname: "outer" } },
      (c) => [c.hostname, c.process.env.includes("HOSTNAME=outer")],
      [undefined, true],
    ],
    [
      "a domain name",
      { spec: { domainname: "lan" } },
      (c) => [c.domainname, c.linux.sysctl?.["kernel.domainname"]],
      ["lan", "lan"],
    ],
    [
      "annotations",
      { spec: { annotations: { a: "1" } }, settings: { annotations: { a: "0", b: "2" } } },
      (c) => c.annotations,
      { "io.container.manager": "cooper", a: "1", b: "2" },
    ],
    [
      "no annotation of an image's label",
      { image: { Cmd: ["x"], Labels: { "run.oci.hooks": "x" } } },
      (c) => Object.keys(c.annotations),
      ["io.container.manager"],
    ],
    [
      "a personality",
      { spec: { personality: "linux32" } },
      (c) => c.linux.personality,
      { domain: "LINUX32" },
    ],
    [
      "no cgroup",
      { spec: { cgroups: "disabled" } },
      (c) => [c.linux.cgroupsPath, c.linux.resources],
      [undefined, undefined],
    ],
    [
      "a device",
      {
        input: {
          devices: [
            {
              source: "/dev/fuse",
              path: "/dev/fuse",
              type: "c",
              major: 10,
              minor: 229,
              mode: 0o20666,
              uid: 0,
              gid: 0,
              access: "rw",
            },
          ],
        },
      },
      (c) => [c.linux.devices, c.linux.resources?.devices],
      [
        [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }],
        [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
        ],
      ],
    ],
    [
      "shared propagation",
      {
        input: {
          mounts: [
            {
              kind: "bind",
              target: "/a",
              source: "/a",
              readOnly: false,
              isRecursive: true,
              propagation: "rshared",
              options: [],
            },
          ],
        },
      },
      (c) => c.linux.rootfsPropagation,
      "shared",
    ],
    [
      "slave propagation",
      {
        input: {
          mounts: [
            {
              kind: "bind",
              target: "/a",
              source: "/a",
              readOnly: false,
              isRecursive: true,
              propagation: "slave",
              options: [],
            },
          ],
        },
      },
      (c) => c.linux.rootfsPropagation,
      "rslave",
    ],
    ["no seccomp", { spec: { seccomp: "unconfined" } }, (c) => c.linux.seccomp, undefined],
    [
      "no seccomp by configuration",
      { settings: { seccompProfile: "unconfined" } },
      (c) => c.linux.seccomp,
      undefined,
    ],
    [
      "seccomp against the configuration",
      { spec: { seccomp: "default" }, settings: { seccompProfile: "unconfined" } },
      (c) => c.linux.seccomp?.defaultErrnoRet,
      38,
    ],
    [
      "a user's profile",
      {
        spec: { seccomp: "/p.json" },
        input: { seccompProfile: { defaultAction: "SCMP_ACT_ALLOW" } },
      },
      (c) => c.linux.seccomp,
      { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] },
    ],
    [
      "a profile with --privileged",
      {
        spec: { seccomp: "/p.json", isPrivileged: true },
        input: { seccompProfile: { defaultAction: "SCMP_ACT_LOG" } },
      },
      (c) => c.linux.seccomp?.defaultAction,
      "SCMP_ACT_LOG",
    ],
    [
      "an AppArmor profile",
      { spec: { apparmor: "mine" }, input: { hasApparmor: true } },
      (c) => c.process.apparmorProfile,
      "mine",
    ],
    [
      "no AppArmor profile by default",
      { input: { hasApparmor: true } },
      (c) => c.process.apparmorProfile,
      undefined,
    ],
    [
      "SELinux labels",
      { input: { selinux: { process: "p", mount: "m" } } },
      (c) => [c.process.selinuxLabel, c.linux.mountLabel],
      ["p", "m"],
    ],
  ];
  test.each(rows)("takes over %s", (_, changes, pick, expected) => {
    expect(pick(configWith(changes))).toEqual(expected);
  });

  test("leaves nothing confined with --privileged but namespaces", () => {
    const { linux, process } = configWith({ spec: { isPrivileged: true } });
    expect([linux.maskedPaths, linux.readonlyPaths, linux.seccomp]).toEqual([[], [], undefined]);
    expect(linux.resources?.devices).toEqual([{ allow: true, access: "rwm" }]);
    expect(process.capabilities.effective.length).toBe(41);
    expect(linux.namespaces.map(({ type }) => type)).toEqual([
      "pid",
      "network",
      "ipc",
      "uts",
      "mount",
      "cgroup",
    ]);
  });

  test("leaves out supplementary groups where setgroups(2) is forbidden", () => {
    const single = [{ inside: 0, outside: 1000, size: 1 }];
    const { config, warnings } = runtimeConfig(
      inputWith({
        input: {
          ...rootless,
          engineIdMappings: { uids: single, gids: single },
          user: { ...asUser, uid: 0, gid: 0 },
        },
      }),
    );
    expect(config.process.user.additionalGids).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test.each<[Changes, string]>([
    [{ spec: { umask: "9" } }, "invalid umask"],
    [{ spec: { personality: "BSD" } }, "invalid personality"],
    [{ spec: { apparmor: "mine" } }, "AppArmor is not enabled"],
    [{ spec: { workdir: "/a\0b" } }, "NUL"],
    [{ spec: { command: ["a\0b"] } }, "NUL"],
    [{ image: null }, "no command to run"],
    [{ spec: { init: true, pid: { kind: "host" } } }, "pid namespace"],
    [{ spec: { init: true }, input: { initPath: null } }, "no init program"],
  ])("refuses %j", (changes, message) => {
    expect(() => configWith(changes)).toThrow(message);
  });
});

describe("execProcess()", () => {
  const config = configWith({
    spec: {
      capAdd: ["NET_ADMIN"],
      env: ["A=1"],
      apparmor: "mine",
      resources: { ulimits: [{ name: "core", soft: 0, hard: -1 }] },
    },
    input: { hasApparmor: true },
  });
  const written = JSON.parse(JSON.stringify(config)) as RuntimeSpec;
  const options = {
    command: ["id"],
    env: [],
    workdir: null,
    hasTty: false,
    terminalSize: null,
    isPrivileged: false,
  };

  test("is as the container's own process", () => {
    expect(execProcess(written, options)).toEqual({
      ...written.process,
      args: ["id"],
      rlimits: expect.anything(),
    });
  });

  test("writes unlimited as RLIM_INFINITY once more", () => {
    expect(JSON.stringify(execProcess(written, options).rlimits)).toContain(
      '"hard":18446744073709551615',
    );
  });

  test("gives another user no capabilities, his groups and his home", () => {
    const process = execProcess(written, { ...options, user: asUser });
    expect(process.user).toEqual({
      uid: 1000,
      gid: 1000,
      umask: 0o22,
      additionalGids: [1000, 2000],
    });
    expect([process.capabilities.effective, process.capabilities.ambient]).toEqual([[], []]);
    expect(process.capabilities.bounding).toEqual(written.process.capabilities.bounding);
    expect(process.env).toContain("HOME=/home/app");
    expect(process.env).not.toContain("HOME=/root");
  });

  test("keeps a HOME that was set for the container", () => {
    const withHome = configWith({ spec: { env: ["HOSTNAME=h", "HOME=/set"] } });
    expect(execProcess(withHome, { ...options, user: asUser }).env).toContain("HOME=/set");
  });

  test("gives --privileged all capabilities and no AppArmor profile", () => {
    const process = execProcess(written, { ...options, isPrivileged: true });
    expect([process.capabilities.effective.length, process.apparmorProfile]).toEqual([
      41,
      undefined,
    ]);
  });

  test("gives the container's own user what it has", () => {
    const own = configWith({ spec: { capAdd: ["NET_ADMIN"] }, input: { user: asUser } });
    expect(execProcess(own, options).capabilities.ambient).toEqual(["CAP_NET_ADMIN"]);
    expect(execProcess(own, { ...options, user: asUser }).capabilities.effective).toEqual([
      "CAP_NET_ADMIN",
    ]);
    const root = { uid: 0, gid: 0, additionalGids: [], name: "root", home: "/root" };
    expect(execProcess(own, { ...options, user: root }).capabilities.effective).toHaveLength(12);
  });

  test("sets variables and a terminal's", () => {
    const { env, terminal } = execProcess(written, {
      ...options,
      env: ["A=2", "B=3"],
      hasTty: true,
      terminalSize: { rows: 3, columns: 7 },
    });
    expect([
      env.includes("A=2"),
      env.includes("A=1"),
      env.includes("B=3"),
      env.includes("TERM=xterm"),
      terminal,
    ]).toEqual([true, false, true, true, true]);
  });

  test.each([
    [{ command: [] }, "no command"],
    [{ workdir: "rel" }, "no absolute path"],
    [{ command: ["a\0"] }, "NUL"],
  ])("refuses %j", (change, message) => {
    expect(() => execProcess(written, { ...options, ...change })).toThrow(message);
  });
});

test("the id of a container is nowhere shortened by accident", () => {
  expect(configWith().hostname).toBe(testId.slice(0, 12));
});
