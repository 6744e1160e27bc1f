import { describe, expect, test } from "bun:test";
import { emptySpec } from "../../container/spec.ts";
import { Document } from "../document.ts";
import { specOf } from "./spec.ts";

const none = { name: null, platform: null };
const spec = (body: object) => specOf(new Document({ Image: "x", ...body }), none).spec;
const host = (config: object) => spec({ HostConfig: config });

describe("specOf()", () => {
  test("a body of zero values asks for nothing", () => {
    const zeros = {
      Hostname: "",
      Env: null,
      Cmd: null,
      Entrypoint: null,
      Volumes: {},
      Labels: {},
      HostConfig: {
        Binds: null,
        Memory: 0,
        NanoCpus: 0,
        PidsLimit: 0,
        MemorySwappiness: null,
        RestartPolicy: { Name: "", MaximumRetryCount: 0 },
        LogConfig: { Type: "", Config: {} },
        Devices: [],
        NetworkMode: "default",
        ConsoleSize: [0, 0],
        Init: null,
      },
      NetworkingConfig: { EndpointsConfig: {} },
    };
    expect(spec(zeros)).toEqual({ ...emptySpec(), image: "x", closesStdin: false });
  });

  test.each([
    [{ Memory: 1 << 20 }, { memoryBytes: 1 << 20 }],
    [
      { NanoCpus: 1_500_000_000 },
      { cpuQuotaMicroseconds: 150_000, cpuPeriodMicroseconds: 100_000 },
    ],
    [{ MemorySwappiness: 0 }, { memorySwappiness: 0 }],
    [{ PidsLimit: -1 }, { pidsLimit: -1 }],
    [
      { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] },
      { ulimits: [{ name: "nofile", soft: 1, hard: 2 }] },
    ],
    [
      { BlkioDeviceReadBps: [{ Path: "/dev/sda", Rate: 9 }] },
      { deviceReadBps: [{ path: "/dev/sda", value: 9 }] },
    ],
  ])("limits: %j", (config, resources) => {
    expect(host(config).resources).toMatchObject(resources);
  });

  test.each([
    [
      { Binds: ["/a:/b:ro", "v:/d"] },
      [
        { kind: "bind", source: "/a", target: "/b", readOnly: true },
        { kind: "volume", name: "v", target: "/d" },
      ],
    ],
    [
      { Mounts: [{ Type: "bind", Source: "/a,b", Target: "/c", ReadOnly: true }] },
      [{ kind: "bind", source: "/a,b", target: "/c", readOnly: true, createsSource: false }],
    ],
    [
      { Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024 } }] },
      [{ kind: "tmpfs", target: "/t", options: ["size=1024"] }],
    ],
    [{ Tmpfs: { "/t": "size=1k" } }, [{ kind: "tmpfs", target: "/t", options: ["size=1k"] }]],
  ])("mounts: %j", (config, mounts) => {
    expect(host(config).mounts).toMatchObject(mounts);
  });

  test("ports, with and without a host port", () => {
    const { ports } = host({
      PortBindings: {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }],
        "53/udp": [{}],
        "1/tcp": null,
      },
    }).networking;
    expect(
      ports.map(({ hostAddress, hostPort, containerPort, protocol }) => [
        hostAddress,
        hostPort,
        containerPort,
        protocol,
      ]),
    ).toEqual([
      ["127.0.0.1", 8080, 80, "tcp"],
      [null, null, 53, "udp"],
    ]);
  });

  test("an environment never takes ours in", () => {
    const made = spec({ Env: ["A=1", "PATH", "HO*"] });
    expect([made.env, made.unsetEnv]).toEqual([["A=1"], ["PATH", "HO*"]]);
  });

  test.each([
    [null, null, null],
    [["a", "b"], ["c"], ["a", "b"]],
    ["a", "c", ["a"]],
    [[], ["c"], []],
    [[""], ["c"], []],
  ])("entrypoint %j", (Entrypoint, Cmd, expected) => {
    expect(spec({ Entrypoint, Cmd }).entrypoint).toEqual(expected);
  });

  test("networks come with their addresses and names", () => {
    const made = spec({
      HostConfig: { NetworkMode: "net" },
      NetworkingConfig: {
        EndpointsConfig: {
          net: { IPAMConfig: { IPv4Address: "10.0.0.9" }, Aliases: ["web"] },
          other: {},
        },
      },
    });
    expect(made.networking.networks).toMatchObject([
      { name: "net", addresses: ["10.0.0.9"], aliases: ["web"] },
      { name: "other", addresses: [], aliases: [] },
    ]);
  });

  test("ports of a container without a network are told to be nothing", () => {
    const body = new Document({
      Image: "x",
      HostConfig: { NetworkMode: "host", PortBindings: { "80/tcp": [{ HostPort: "80" }] } },
    });
    expect(specOf(body, none).warnings).toHaveLength(1);
  });

  test.each([
    [{ HostConfig: { Memory: "1g" } }, "HostConfig.Memory"],
    [{ Env: "A=1" }, "Env"],
    [{ Env: [1] }, "Env"],
    [{ HostConfig: [] }, "HostConfig"],
    [{ HostConfig: { Privileged: "yes" } }, "HostConfig.Privileged"],
    [{ HostConfig: { Binds: ["./x:/y"] } }, "absolute"],
    [{ HostConfig: { Mounts: [{ Type: "bind", Source: "x", Target: "/y" }] } }, "absolute"],
    [
      { HostConfig: { RestartPolicy: { Name: "always", MaximumRetryCount: 2 } } },
      "maximum retry count",
    ],
    [{ Image: "" }, "no image"],
  ])("refuses %j", (body, words) => {
    expect(() => spec(body)).toThrow(words);
  });
});
