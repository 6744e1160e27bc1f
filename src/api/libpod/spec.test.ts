import { describe, expect, test } from "bun:test";
import { emptySpec } from "../../container/spec.ts";
import { Document } from "../document.ts";
import { libpodSpec } from "./spec.ts";
import { updateSpec } from "./spec-update.ts";

const read = (body: object) => libpodSpec(new Document({ image: "x", ...body }));
const spec = (body: object) => read(body).spec;

/** What podman 5.8 sends for `podman --remote create x`. */
const plain = {
  env_host: false,
  httpproxy: true,
  terminal: false,
  stdin: false,
  stop_timeout: 10,
  log_configuration: {},
  systemd: "true",
  sdnotifyMode: "container",
  pidns: {},
  utsns: {},
  remove: false,
  containerCreateCommand: ["podman", "--remote", "create", "x"],
  init_container_type: "",
  unsetenvall: false,
  manage_password: true,
  image: "x",
  raw_image_name: "x",
  image_volume_mode: "anonymous",
  init: false,
  ipcns: {},
  volatile: false,
  privileged: false,
  seccomp_policy: "default",
  userns: {},
  idmappings: { HostUIDMapping: true, HostGIDMapping: true, UIDMap: null, GIDMap: null },
  read_only_filesystem: false,
  read_write_tmpfs: false,
  umask: "0022",
  cgroupns: {},
  netns: {},
  publish_image_ports: false,
  Networks: null,
  use_image_resolve_conf: false,
  use_image_hostname: false,
  use_image_hosts: false,
  healthconfig: {},
  healthLogDestination: "local",
  healthMaxLogCount: 5,
  healthMaxLogSize: 500,
};

describe("libpodSpec()", () => {
  test("what a client sends for nothing asks for its defaults alone", () => {
    const { health } = emptySpec();
    expect(read(plain)).toEqual({
      spec: {
        ...emptySpec(),
        image: "x",
        passesProxies: true,
        stopTimeoutSeconds: 10,
        systemd: "true",
        sdnotify: "container",
        imageVolumes: "anonymous",
        seccompPolicy: "default",
        umask: "0022",
        readOnlyTmpfs: false,
        health: { ...health, maxLogCount: 5, maxLogBytes: 500 },
      },
      warnings: [],
      createCommand: ["podman", "--remote", "create", "x"],
    });
  });

  test.each([
    [{ command: ["sh", "-c", "a"] }, { command: ["sh", "-c", "a"] }],
    [{ entrypoint: [""] }, { entrypoint: [] }],
    [{ entrypoint: ["a", "b c"] }, { entrypoint: ["a", "b c"] }],
    [{ env: { A: "1", B: "" } }, { env: ["A=1", "B="] }],
    [
      { terminal: true, stdin: true },
      { hasTty: true, hasStdin: true },
    ],
    [{ stop_signal: 2 }, { stopSignal: "2" }],
    [{ remove: true, volatile: true }, { removesItself: true }],
    [
      { restart_policy: "on-failure", restart_tries: 3 },
      { restart: { policy: "on-failure", maxRetries: 3 } },
    ],
    [{ cap_add: ["NET_ADMIN"], cap_drop: ["ALL"] }, { capDrop: ["ALL"] }],
    [{ no_new_privileges: true }, { noNewPrivileges: true }],
    [{ selinux_opts: ["disable"] }, { labelOptions: ["disable"] }],
    [
      { mask: ["/x"], unmask: ["ALL"] },
      { mask: ["/x"], unmask: ["ALL"] },
    ],
    [
      { devices: [{ path: "/dev/null:/dev/x:r", type: "", major: 0, minor: 0 }] },
      { devices: [{ source: "/dev/null", target: "/dev/x", access: "r" }] },
    ],
    [
      { device_cgroup_rule: [{ allow: true, type: "c", major: 1, minor: 3, access: "rwm" }] },
      { deviceCgroupRules: ["c 1:3 rwm"] },
    ],
    [{ pidns: { nsmode: "container", value: "c" } }, { pid: { kind: "container", of: "c" } }],
    [
      { userns: { nsmode: "keep-id", value: "uid=5,gid=6" } },
      { userns: { kind: "keep-id", uid: 5, gid: 6, size: null } },
    ],
    [{ userns: { nsmode: "no-map" } }, { userns: { kind: "nomap" } }],
    [
      {
        userns: { nsmode: "private" },
        idmappings: { UIDMap: [{ container_id: 0, host_id: 1000, size: 10 }] },
      },
      { userns: null, uidMappings: [{ inside: 0, outside: 1000, size: 10 }] },
    ],
    [
      {
        secrets: [{ Source: "s", Target: "/x", UID: 5, GID: 0, Mode: 256 }],
        secret_env: { X: "t" },
      },
      {
        secrets: [
          { kind: "mount", name: "s", target: "/x", uid: 5, gid: 0, mode: 0o400 },
          { kind: "env", name: "t", target: "X" },
        ],
      },
    ],
    [
      { log_configuration: { driver: "json-file", path: "/x", size: 10000000 } },
      { log: { driver: "json-file", options: { path: "/x", "max-size": "10000000" } } },
    ],
    [
      {
        annotations: {
          a: "b",
          "io.podman.annotations.userns": "host",
          "io.kubernetes.cri-o.TTY": "false",
        },
      },
      { annotations: { a: "b" } },
    ],
    [
      { image: "", rootfs: "/r", rootfs_overlay: true },
      { image: null, rootfs: { path: "/r", isOverlay: true, idmap: null } },
    ],
  ])("%j", (body, expected) => {
    expect(spec(body)).toMatchObject(expected as object);
  });

  test.each([
    [{ memory: { limit: 1, swap: 2 } }, { memoryBytes: 1, memorySwapBytes: 2 }],
    [{ memory: { disableOOMKiller: true, swappiness: 0 } }, { oomKillDisable: true }],
    [
      { cpu: { quota: 150000, period: 100000, cpus: "0" } },
      { cpuQuotaMicroseconds: 150000, cpuPeriodMicroseconds: 100000, cpusetCpus: "0" },
    ],
    [{ pids: { limit: 0 } }, { pidsLimit: -1 }],
    [{ unified: { "memory.high": "5" } }, { unified: { "memory.high": "5" } }],
  ])("limits: %j", (resource_limits, resources) => {
    expect(spec({ resource_limits }).resources).toMatchObject(resources as object);
  });

  test("limits of processes and devices", () => {
    expect(
      spec({
        r_limits: [{ type: "RLIMIT_NOFILE", hard: 2 ** 64, soft: 10 }],
        throttleReadBpsDevice: { "/dev/sda": { major: 0, minor: 0, rate: 9 } },
      }).resources,
    ).toMatchObject({
      ulimits: [{ name: "nofile", soft: 10, hard: -1 }],
      deviceReadBps: [{ path: "/dev/sda", value: 9 }],
    });
  });

  test.each([
    [
      {
        mounts: [
          { destination: "/x", type: "bind", source: "/a,b", options: ["ro", "z", "rshared"] },
        ],
      },
      {
        source: "/a,b",
        readOnly: true,
        relabel: "shared",
        propagation: "rshared",
        createsSource: false,
      },
    ],
    [
      {
        mounts: [
          { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["size=10m", "ro"] },
        ],
      },
      { kind: "tmpfs", target: "/x", options: ["size=10m"], readOnly: true },
    ],
    [{ volumes: [{ Name: "", Dest: "/x", Options: null }] }, { kind: "volume", name: null }],
    [
      { volumes: [{ Name: "v", Dest: "/x", Options: ["ro", "nocopy"] }] },
      { kind: "volume", name: "v", readOnly: true, copiesUp: false },
    ],
    [{ volumes: [{ Name: "v", Dest: "/x", SubPath: "y" }] }, { name: "v", subpath: "y" }],
    [
      { overlay_volumes: [{ destination: "/x", source: "/tmp", options: ["O"] }] },
      { kind: "bind", source: "/tmp", isOverlay: true },
    ],
    [
      { image_volumes: [{ Source: "i", Destination: "/x", ReadWrite: false }] },
      { kind: "image", image: "i", readOnly: true },
    ],
  ])("mounts: %j", (body, mount) => {
    expect(spec(body).mounts).toMatchObject([mount as object]);
  });

  test.each([
    [
      { netns: { nsmode: "none" }, Networks: {} },
      { mode: { kind: "none" }, networks: [] },
    ],
    [
      { netns: { nsmode: "bridge" }, Networks: { podman: { interface_name: "" } } },
      { mode: { kind: "bridge" }, networks: [{ name: "bridge" }] },
    ],
    [
      {
        netns: { nsmode: "bridge" },
        Networks: {
          n1: { static_ips: ["1.2.3.4", "fd00::5"], aliases: ["a"], interface_name: "e" },
          n2: {},
        },
      },
      {
        networks: [
          { name: "n1", addresses: ["1.2.3.4", "fd00::5"], aliases: ["a"], interfaceName: "e" },
          { name: "n2" },
        ],
      },
    ],
    [{ netns: { nsmode: "container", value: "c" } }, { mode: { kind: "container", of: "c" } }],
    [
      { netns: { nsmode: "pasta" }, network_options: { pasta: ["-t", "auto"] } },
      { mode: { kind: "pasta" }, modeOptions: ["-t", "auto"] },
    ],
    [
      { portmappings: [{ host_ip: "::1", container_port: 90, host_port: 80, range: 3 }] },
      { ports: [{ hostAddress: "::1", hostPort: 80, containerPort: 90, count: 3 }] },
    ],
    [
      { portmappings: [{ container_port: 80, host_port: 0, range: 1, protocol: "udp" }] },
      { ports: [{ hostAddress: null, hostPort: null, containerPort: 80, protocol: "udp" }] },
    ],
    [{ expose: { 90: "tcp,udp" } }, { expose: ["90/tcp", "90/udp"] }],
    [{ use_image_resolve_conf: true }, { dns: ["none"] }],
  ])("network: %j", (body, networking) => {
    expect(spec(body).networking).toMatchObject(networking as object);
  });

  test("health checks", () => {
    const { health } = spec({
      healthconfig: { Test: ["CMD-SHELL", "true x"], Interval: 5e9, Retries: 2 },
      health_check_on_failure_action: 2,
      startupHealthConfig: { Test: ["CMD", "a"], Interval: 3e9, Successes: 2 },
    });
    expect(health).toMatchObject({
      test: ["CMD-SHELL", "true x"],
      intervalSeconds: 5,
      retries: 2,
      onFailure: "kill",
      startup: { test: ["CMD", "a"], intervalSeconds: 3, successes: 2 },
    });
  });

  test("a field that nobody knows is told of, where it asks for something", () => {
    expect(read({ a_new_one: true, b: "", c: null }).warnings).toEqual([
      "a_new_one is not known here, and has no effect",
    ]);
  });

  test.each([
    [{ image: "" }, "neither an image nor a root file system"],
    [{ image: 5 }, "image is not a string"],
    [{ pod: "p" }, "there are no pods yet"],
    [{ netns: { nsmode: "pod" } }, "there are no pods yet"],
    [{ volumes: [{ Name: "../x", Dest: "/x" }] }, '"../x" is no name for a volume'],
    [{ mounts: [{ destination: "/x", source: "a" }] }, "is not absolute"],
    [{ resource_limits: { rdma: { a: 1 } } }, "resource_limits.rdma is not supported"],
    [{ artifact_volumes: [{ source: "a" }] }, "artifacts are not available yet"],
    [{ healthLogDestination: "/x" }, "results are kept in the store alone"],
    [{ env_host: true }, "not the caller's"],
  ])("refuses %j", (body, words) => {
    expect(() => read(body)).toThrow(words);
  });
});

describe("updateSpec()", () => {
  const none = { policy: "", tries: 0 };

  test("limits stand at the top of the body", () => {
    const body = new Document({ memory: { limit: 5 }, Env: ["A=1"] });
    expect(updateSpec(body, none)).toMatchObject({
      resources: { memoryBytes: 5 },
      env: ["A=1"],
      restart: emptySpec().restart,
    });
  });

  test("the restart policy stands in the query", () => {
    expect(updateSpec(new Document({}), { policy: "on-failure", tries: 2 }).restart).toEqual({
      policy: "on-failure",
      maxRetries: 2,
    });
  });
});
