import { describe, expect, test } from "bun:test";
import type { RuntimeMount } from "../../oci/runtime-spec.ts";
import { type Changes, inputWith } from "./input.fixture.ts";
import type { ResolvedMount } from "./input.ts";
import { mounts } from "./mounts.ts";

/** As lines: destination, type, source, options. */
const linesOf = (changes: Changes = {}) => mounts(inputWith(changes)).map(lineOf);
const lineOf = ({ destination, type, source, options }: RuntimeMount) =>
  `${destination} ${type} ${source} ${options.join(",")}`;
const at = (changes: Changes, target: string) =>
  linesOf(changes).find((line) => line.startsWith(`${target} `));

const bind = (
  target: string,
  more: Partial<Extract<ResolvedMount, { kind: "bind" }>> = {},
): ResolvedMount => ({
  kind: "bind",
  target,
  source: "/src",
  readOnly: false,
  isRecursive: true,
  propagation: null,
  options: [],
  ...more,
});
const tmpfs = (
  target: string,
  more: Partial<Exclude<ResolvedMount, { kind: "bind" }>> = {},
): ResolvedMount => ({
  kind: "tmpfs",
  target,
  readOnly: false,
  copiesUp: true,
  options: [],
  ...more,
});
const userns = {
  uids: [{ inside: 0, outside: 100000, size: 1000 }],
  gids: [{ inside: 0, outside: 100000, size: 1000 }],
};
const small = { ...userns, gids: [{ inside: 0, outside: 100000, size: 5 }] };

describe("mounts()", () => {
  test("are podman's for an ordinary container", () => {
    expect(linesOf()).toEqual([
      "/proc proc proc nosuid,noexec,nodev",
      "/dev tmpfs tmpfs nosuid,noexec,strictatime,mode=755,size=65536k",
      "/sys sysfs sysfs nosuid,noexec,nodev,ro",
      "/dev/pts devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
      "/dev/mqueue mqueue mqueue nosuid,noexec,nodev",
      "/dev/shm bind /run/cooper/c/x/shm bind,rprivate,nosuid,noexec,nodev",
      "/etc/hosts bind /files/hosts bind,rprivate",
      "/etc/resolv.conf bind /files/resolv.conf bind,rprivate",
      "/etc/hostname bind /files/hostname bind,rprivate",
      "/run/.containerenv bind /files/containerenv bind,rprivate",
      "/sys/fs/cgroup cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,ro",
    ]);
  });

  const rows: [name: string, changes: Changes, target: string, expected: string | undefined][] = [
    [
      "a tmpfs for /dev/shm of its own",
      { input: { shmPath: null } },
      "/dev/shm",
      "tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864",
    ],
    [
      "its size",
      { input: { shmPath: null }, spec: { resources: { shmSizeBytes: 1024 } } },
      "/dev/shm",
      "tmpfs shm nosuid,noexec,nodev,mode=1777,size=1024",
    ],
    ["no /dev/shm", { spec: { ipc: { kind: "none" } } }, "/dev/shm", undefined],
    [
      "no tty group where it is not mapped",
      { input: { idMappings: small } },
      "/dev/pts",
      "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620",
    ],
    [
      "a tty group where it is mapped",
      { input: { idMappings: userns } },
      "/dev/pts",
      "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
    ],
    [
      "no tty group for who has one id",
      { input: { isRootless: true, engineIdMappings: small } },
      "/dev/pts",
      "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620",
    ],
    [
      "a new /proc with the host's pids as root",
      { spec: { pid: { kind: "host" } } },
      "/proc",
      "proc proc nosuid,noexec,nodev",
    ],
    [
      "the host's /proc in a user namespace",
      { spec: { pid: { kind: "host" } }, input: { isRootless: true } },
      "/proc",
      "bind /proc rbind,nosuid,noexec,nodev",
    ],
    [
      "the outer /proc below another container",
      { input: { canMountProc: false } },
      "/proc",
      "bind /proc rbind,nosuid,noexec,nodev",
    ],
    [
      "options of /proc",
      { spec: { procOptions: ["hidepid=2", "exec"] } },
      "/proc",
      "proc proc nosuid,nodev,hidepid=2,exec",
    ],
    [
      "a writable /sys",
      { spec: { isPrivileged: true } },
      "/sys",
      "sysfs sysfs nosuid,noexec,nodev,rw",
    ],
    [
      "writable cgroups",
      { spec: { isPrivileged: true } },
      "/sys/fs/cgroup",
      "cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,rw",
    ],
    [
      "unmasked cgroups",
      { spec: { unmask: ["ALL"] } },
      "/sys/fs/cgroup",
      "cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,rw",
    ],
    [
      "unmasked cgroups of version 1 stay",
      {
        spec: { unmask: ["ALL"] },
        input: { cgroup: { version: 1, manager: "cgroupfs", path: null, canLimit: true } },
      },
      "/sys/fs/cgroup",
      "cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,ro",
    ],
    [
      "the host's /sys with its network in a user namespace",
      { input: { network: { kind: "host" }, isRootless: true } },
      "/sys",
      "bind /sys rprivate,nosuid,noexec,nodev,ro,rbind",
    ],
    [
      "no cgroup over it",
      { input: { network: { kind: "host" }, isRootless: true } },
      "/sys/fs/cgroup",
      undefined,
    ],
    [
      "a new /sys with the host's network as root",
      { input: { network: { kind: "host" } } },
      "/sys",
      "sysfs sysfs nosuid,noexec,nodev,ro",
    ],
    [
      "the host's queues",
      { spec: { ipc: { kind: "host" } }, input: { isRootless: true } },
      "/dev/mqueue",
      "bind /dev/mqueue bind,nosuid,noexec,nodev",
    ],
    ["no queues", { input: { hasMqueue: false } }, "/dev/mqueue", undefined],
    [
      "an init",
      { spec: { init: true } },
      "/run/cooper-init",
      "bind /usr/bin/catatonit bind,ro,nosuid,nodev",
    ],
    [
      "read-only files",
      { spec: { isReadOnly: true } },
      "/etc/hosts",
      "bind /files/hosts bind,rprivate,ro,nosuid,noexec,nodev",
    ],
    [
      "a writable /tmp",
      { spec: { isReadOnly: true } },
      "/tmp",
      "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup",
    ],
    ["no writable /tmp", { spec: { isReadOnly: true, readOnlyTmpfs: false } }, "/tmp", undefined],
    [
      "the image's hosts file",
      { input: { files: { hosts: null, resolvConf: null, hostname: null, containerEnv: null } } },
      "/etc/hosts",
      undefined,
    ],
    [
      "files in a chroot",
      { spec: { chrootDirectories: ["/jail"] } },
      "/jail/etc/hosts",
      "bind /files/hosts bind,rprivate",
    ],
    [
      "a time zone",
      {
        input: {
          files: {
            hosts: null,
            resolvConf: null,
            hostname: null,
            containerEnv: null,
            localtime: "/zone",
          },
        },
      },
      "/etc/localtime",
      "bind /zone bind,rprivate,ro,nosuid,noexec,nodev",
    ],
    ["a bind", { input: { mounts: [bind("/a")] } }, "/a", "bind /src rw,rprivate,rbind"],
    [
      "a read-only bind",
      { input: { mounts: [bind("/a", { readOnly: true, options: ["nosuid", "ro", "z"] })] } },
      "/a",
      "bind /src ro,nosuid,rprivate,rbind",
    ],
    [
      "a bind that is not recursive, and shared",
      { input: { mounts: [bind("/a", { isRecursive: false, propagation: "rshared" })] } },
      "/a",
      "bind /src rw,rshared,bind",
    ],
    [
      "a volume",
      { input: { mounts: [bind("/a")] }, spec: { mounts: [volumeAt("/a")] } },
      "/a",
      "bind /src rw,rprivate,nosuid,nodev,rbind",
    ],
    [
      "a volume with setuid",
      {
        input: { mounts: [bind("/a", { options: ["suid"] })] },
        spec: { mounts: [volumeAt("/a")] },
      },
      "/a",
      "bind /src rw,suid,rprivate,nodev,rbind",
    ],
    [
      "a tmpfs",
      { input: { mounts: [tmpfs("/t", { options: ["size=1m", "mode=700"] })] } },
      "/t",
      "tmpfs tmpfs size=1m,mode=700,rw,rprivate,nosuid,nodev,tmpcopyup",
    ],
    [
      "an empty tmpfs",
      { input: { mounts: [tmpfs("/t", { copiesUp: false, readOnly: true, options: ["dev"] })] } },
      "/t",
      "tmpfs tmpfs dev,ro,rprivate,nosuid",
    ],
    [
      "a user's mount in place of a default",
      { input: { mounts: [tmpfs("/dev/shm", { options: ["size=1"] })] } },
      "/dev/shm",
      "tmpfs tmpfs size=1,rw,rprivate,nosuid,nodev,tmpcopyup",
    ],
    [
      "a user's mount in place of a file",
      { input: { mounts: [bind("/etc/hosts")] } },
      "/etc/hosts",
      "bind /src rw,rprivate,rbind",
    ],
    [
      "a user's mount in place of --read-only's",
      { spec: { isReadOnly: true }, input: { mounts: [bind("/tmp/")] } },
      "/tmp",
      "bind /src rw,rprivate,rbind",
    ],
    [
      "nothing of ours in a /dev of the user's",
      { input: { mounts: [bind("/dev")] } },
      "/dev/pts",
      undefined,
    ],
    [
      "ours in a tmpfs at /dev",
      { input: { mounts: [tmpfs("/dev")] } },
      "/dev/mqueue",
      "mqueue mqueue nosuid,noexec,nodev",
    ],
    [
      "a device of a rootless container",
      {
        input: {
          isRootless: true,
          devices: [
            {
              source: "/dev/fuse",
              path: "/dev/f",
              type: "c",
              major: 10,
              minor: 229,
              mode: 0o666,
              uid: 0,
              gid: 0,
              access: "r",
            },
          ],
        },
      },
      "/dev/f",
      "bind /dev/fuse slave,nosuid,noexec,ro,rbind",
    ],
    [
      "systemd's /run",
      { spec: { systemd: "always" } },
      "/run",
      "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup",
    ],
    [
      "systemd's /run/lock by size",
      { spec: { systemd: "always", resources: { shmSizeSystemdBytes: 4096 } } },
      "/run/lock",
      "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup,size=4096",
    ],
    [
      "systemd's cgroups",
      { spec: { systemd: "always" } },
      "/sys/fs/cgroup",
      "cgroup cgroup private,rw",
    ],
    [
      "systemd's cgroups in the host's namespace",
      { spec: { systemd: "always", cgroup: { kind: "host" } } },
      "/sys/fs/cgroup",
      "bind /sys/fs/cgroup bind,private,rw",
    ],
    [
      "systemd's own hierarchy",
      {
        spec: { systemd: "always" },
        input: {
          cgroup: {
            version: 1,
            manager: "cgroupfs",
            path: null,
            canLimit: true,
            hasSystemdHierarchy: true,
          },
        },
      },
      "/sys/fs/cgroup/systemd",
      "bind /sys/fs/cgroup/systemd bind,rprivate,nosuid,noexec,nodev",
    ],
  ];
  test.each(rows)("have %s", (_, changes, target, expected) => {
    expect(at(changes, target)).toBe(expected === undefined ? undefined : `${target} ${expected}`);
  });

  test("come parents first, else in the order they were asked for", () => {
    const asked = [bind("/a/b/c"), bind("/z"), bind("/a"), bind("/a/b")];
    const targets = mounts(inputWith({ input: { mounts: asked } })).map(
      ({ destination }) => destination,
    );
    expect(targets.filter((target) => /^\/[az]/.test(target))).toEqual([
      "/z",
      "/a",
      "/a/b",
      "/a/b/c",
    ]);
    expect(targets.indexOf("/run/.containerenv")).toBeGreaterThan(targets.indexOf("/z"));
  });

  test("map ids for an idmapped bind", () => {
    const [mount] = mounts(
      inputWith({ input: { idMappings: userns, mounts: [bind("/a", { idmap: "container" })] } }),
    ).filter(({ destination }) => destination === "/a");
    expect(mount).toEqual({
      destination: "/a",
      type: "bind",
      source: "/src",
      options: ["rw", "rprivate", "rbind", "ridmap"],
      uidMappings: [{ containerID: 0, hostID: 100000, size: 1000 }],
      gidMappings: [{ containerID: 0, hostID: 100000, size: 1000 }],
    });
  });

  test.each([
    [[bind("/")], "container's /"],
    [[bind("/a/..")], "container's /"],
    [[bind("rel")], "no absolute path"],
    [[bind("/a\0")], "no absolute path"],
    [[bind("/a"), tmpfs("/a/")], "two mounts have the same target /a"],
    [[bind("/a", { options: ["x,y"] })], "invalid option"],
    [[bind("/a", { idmap: "container" })], "idmap needs a user namespace"],
  ])("refuse %j", (asked, message) => {
    expect(() => mounts(inputWith({ input: { mounts: asked } }))).toThrow(message);
  });
});

function volumeAt(target: string) {
  return {
    kind: "volume" as const,
    target,
    readOnly: false,
    options: [],
    name: "v",
    copiesUp: true,
    changesOwner: false,
    driver: null,
    driverOptions: {},
    labels: {},
    isOverlay: false,
    overlay: null,
    idmap: null,
    subpath: null,
  };
}
