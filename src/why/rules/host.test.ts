import { describe, expect, test } from "bun:test";
import { type HelperProgram, type HostFacts, helperPrograms } from "../host-facts.ts";
import { checkHost } from "./host.ts";

const disk = {
  path: "/var/lib/cooper",
  type: 61267,
  isWritable: true,
  isNoExec: false,
  freeBytes: 1e11,
  freeInodes: 1e6,
  inodes: 1e7,
};

const programs = Object.fromEntries(
  helperPrograms.map((name) => [name, `/usr/bin/${name}`]),
) as Record<HelperProgram, string | null>;

/** A machine on which nothing is wrong. */
const fit: HostFacts = {
  isRootless: true,
  user: "ann",
  kernel: "6.1.0-25-amd64",
  sysctls: {
    "kernel.unprivileged_userns_clone": 1,
    "kernel.apparmor_restrict_unprivileged_userns": null,
    "user.max_user_namespaces": 60000,
    "net.ipv4.ip_unprivileged_port_start": 1024,
    "fs.inotify.max_user_instances": 128,
    "fs.inotify.max_user_watches": 60000,
    "kernel.keys.maxkeys": 200,
    "kernel.pid_max": 4194304,
  },
  subordinateUids: 65536,
  subordinateGids: 65536,
  programs,
  powerless: [],
  cgroups: 2,
  controllers: ["cpu", "io", "memory", "pids"],
  canLimit: true,
  hasSystemd: true,
  hasUserSystemd: true,
  lingers: true,
  tun: "usable",
  fuse: "usable",
  hasSeccomp: true,
  store: disk,
  run: { ...disk, path: "/run/user/1000" },
  emulated: [],
  filesLimit: 1024,
  processesLimit: -1,
  clockBehindSeconds: 0,
  tried: { namespace: null, runtime: "crun (/usr/bin/crun)", runtimeFailure: null, overlay: null },
};

const without = (...names: HelperProgram[]): Partial<HostFacts> => ({
  programs: { ...programs, ...Object.fromEntries(names.map((name) => [name, null])) },
});

const failed = (tried: Partial<NonNullable<HostFacts["tried"]>>): Partial<HostFacts> => ({
  tried: { namespace: null, runtime: "crun", runtimeFailure: null, overlay: null, ...tried },
});

const sysctl = (name: keyof HostFacts["sysctls"], value: number): Partial<HostFacts> => ({
  sysctls: { ...fit.sysctls, [name]: value },
});

test("checkHost() finds nothing where nothing is wrong, for users and for root", () => {
  expect(checkHost(fit).filter(({ status }) => status !== "ok")).toEqual([]);
  const root = checkHost({ ...fit, isRootless: false, user: "root" });
  expect(root.filter(({ status }) => status !== "ok")).toEqual([]);
  expect(root.map(({ id }) => id)).not.toContain("subordinate-ids");
});

describe("checkHost()", () => {
  test.each<{ id: string; status: "limits" | "hinders"; facts: Partial<HostFacts>; cure: RegExp }>([
    { id: "kernel", status: "hinders", facts: { kernel: "4.19.0" }, cure: /newer kernel/ },
    { id: "kernel", status: "limits", facts: { kernel: "5.10.0" }, cure: /fuse-overlayfs/ },
    {
      id: "user-namespaces",
      status: "hinders",
      facts: {
        ...sysctl("kernel.unprivileged_userns_clone", 0),
        ...failed({ namespace: "Operation not permitted" }),
      },
      cure: /sysctl kernel.unprivileged_userns_clone=1/,
    },
    {
      id: "user-namespaces",
      status: "hinders",
      facts: {
        ...sysctl("kernel.apparmor_restrict_unprivileged_userns", 1),
        ...failed({ namespace: "Permission denied" }),
      },
      cure: /apparmor_restrict_unprivileged_userns=0/,
    },
    {
      id: "user-namespaces",
      status: "hinders",
      facts: { ...sysctl("user.max_user_namespaces", 0), tried: null },
      cure: /max_user_namespaces=15000/,
    },
    {
      id: "user-namespaces",
      status: "hinders",
      facts: failed({ namespace: "Operation not permitted" }),
      cure: /seccomp=unconfined/,
    },
    {
      id: "subordinate-ids",
      status: "limits",
      facts: { subordinateUids: 0 },
      cure: /--add-subuids/,
    },
    {
      id: "subordinate-ids",
      status: "limits",
      facts: { subordinateGids: 9 },
      cure: /--add-subgids/,
    },
    { id: "id-mappers", status: "limits", facts: without("newgidmap"), cure: /install -y uidmap/ },
    {
      id: "id-mappers",
      status: "limits",
      facts: { powerless: ["/usr/bin/newuidmap"] },
      cure: /chmod u\+s \/usr\/bin\/newuidmap/,
    },
    { id: "nsenter", status: "hinders", facts: without("nsenter"), cure: /util-linux/ },
    { id: "conmon", status: "hinders", facts: without("conmon"), cure: /install -y conmon/ },
    { id: "runtime", status: "hinders", facts: without("crun", "runc"), cure: /install -y crun/ },
    {
      id: "runtime",
      status: "hinders",
      facts: { ...without("crun"), ...failed({ runtime: null, runtimeFailure: "runc: no" }) },
      cure: /install -y crun/,
    },
    { id: "catatonit", status: "limits", facts: without("catatonit"), cure: /catatonit/ },
    { id: "cgroups", status: "limits", facts: { cgroups: 1 }, cure: /unified_cgroup_hierarchy/ },
    { id: "cgroups", status: "limits", facts: { canLimit: false }, cure: /enable-linger/ },
    {
      id: "cgroups",
      status: "limits",
      facts: { controllers: ["memory", "pids"] },
      cure: /Delegate=cpu/,
    },
    {
      id: "cgroups",
      status: "limits",
      facts: { isRootless: false, controllers: ["cpu", "pids"] },
      cure: /cgroup_enable=memory/,
    },
    { id: "seccomp", status: "limits", facts: { hasSeccomp: false }, cure: /kernel/ },
    {
      id: "overlay",
      status: "limits",
      facts: { ...without("fuse-overlayfs"), ...failed({ overlay: "EINVAL" }) },
      cure: /fuse-overlayfs/,
    },
    {
      id: "overlay",
      status: "limits",
      facts: { fuse: "missing", ...failed({ overlay: "EINVAL" }) },
      cure: /modprobe fuse/,
    },
    {
      id: "store",
      status: "hinders",
      facts: { store: { ...disk, isWritable: false } },
      cure: /chown -R/,
    },
    {
      id: "store",
      status: "hinders",
      facts: { store: { ...disk, isNoExec: true } },
      cure: /remount,exec/,
    },
    { id: "store", status: "hinders", facts: { store: { ...disk, type: 26985 } }, cure: /--root/ },
    { id: "store", status: "hinders", facts: { store: { ...disk, freeBytes: 9 } }, cure: /prune/ },
    { id: "store", status: "hinders", facts: { store: { ...disk, freeInodes: 9 } }, cure: /prune/ },
    { id: "store", status: "limits", facts: { store: { ...disk, freeBytes: 5e8 } }, cure: /df/ },
    {
      id: "run-directory",
      status: "hinders",
      facts: { run: { ...disk, isWritable: false } },
      cure: /linger/,
    },
    { id: "lingering", status: "limits", facts: { lingers: false }, cure: /enable-linger ann/ },
    { id: "ip", status: "limits", facts: without("ip"), cure: /iproute2/ },
    { id: "nft", status: "limits", facts: without("nft"), cure: /nftables/ },
    { id: "pasta", status: "limits", facts: without("pasta", "slirp4netns"), cure: /passt/ },
    { id: "tun", status: "limits", facts: { tun: "missing" }, cure: /modprobe tun/ },
    { id: "tun", status: "limits", facts: { tun: "forbidden" }, cure: /chmod 0666/ },
    { id: "aardvark-dns", status: "limits", facts: without("aardvark-dns"), cure: /aardvark-dns/ },
    {
      id: "inotify",
      status: "limits",
      facts: sysctl("fs.inotify.max_user_instances", 16),
      cure: /max_user_instances=1024/,
    },
    {
      id: "keys",
      status: "limits",
      facts: sysctl("kernel.keys.maxkeys", 20),
      cure: /maxkeys=20000/,
    },
    { id: "limits", status: "limits", facts: { filesLimit: 256 }, cure: /ulimit -n/ },
    { id: "limits", status: "limits", facts: { processesLimit: 100 }, cure: /ulimit -u/ },
    { id: "clock", status: "hinders", facts: { clockBehindSeconds: 9e7 }, cure: /set-ntp/ },
  ])("$id $status: $facts", ({ id, status, facts, cure }) => {
    const checks = checkHost({ ...fit, ...facts });
    const found = checks.find((one) => one.id === id);
    expect(found).toMatchObject({ status });
    expect(`${found?.cures.join("\n")}\n${found?.advice}`).toMatch(cure);
    const others = checks.filter((one) => one.status !== "ok" && one.id !== id);
    expect(others).toEqual([]);
  });
});
