import { describe, expect, test } from "bun:test";
import { emptySpec } from "../spec.ts";
import { addNetwork } from "./network-syntax.ts";
import { parseExposed, parsePublish } from "./port-syntax.ts";

const one = {
  hostAddress: null,
  hostPort: null,
  choices: 1,
  containerPort: 80,
  count: 1,
  protocol: "tcp",
};

describe("parsePublish()", () => {
  test.each([
    ["80", [one]],
    ["8080:80", [{ ...one, hostPort: 8080 }]],
    ["0:80", [one]],
    [":80", [one]],
    ["127.0.0.1:8080:80", [{ ...one, hostAddress: "127.0.0.1", hostPort: 8080 }]],
    ["127.0.0.1::80/udp", [{ ...one, hostAddress: "127.0.0.1", protocol: "udp" }]],
    ["::80", [one]],
    ["[::1]:8080:80", [{ ...one, hostAddress: "::1", hostPort: 8080 }]],
    ["[FD00:0::1]::80", [{ ...one, hostAddress: "fd00::1" }]],
    ["8000-8002:80-82", [{ ...one, hostPort: 8000, count: 3 }]],
    ["8000-8009:80", [{ ...one, hostPort: 8000, choices: 10 }]],
    ["80-82", [{ ...one, count: 3 }]],
    [
      "53:53/tcp,udp",
      [
        { ...one, hostPort: 53, containerPort: 53 },
        { ...one, hostPort: 53, containerPort: 53, protocol: "udp" },
      ],
    ],
    ["80/SCTP", [{ ...one, protocol: "sctp" }]],
  ])("%s", (text, expected) => {
    expect(parsePublish(text)).toEqual(expected as never);
  });

  test.each([
    ["", "no container port"],
    ["0", "out of range"],
    ["65536", "out of range"],
    ["80:", "no container port"],
    ["8000-8001:80-82", "2 host ports cannot lead to 3"],
    ["82-80", "runs backwards"],
    ["80/icmp", 'unknown protocol "icmp"'],
    ["::1:8080:80", "[brackets]"],
    ["1.2.3:80:80", "is not an IP address"],
    ["80:80/tcp/udp", "one /PROTOCOL"],
    ["8080 :80", "no host port"],
  ])("%j is refused: %s", (text, message) => {
    expect(() => parsePublish(text)).toThrow(message);
  });

  test("what images expose", () => {
    expect(parseExposed("7000-7002/udp")).toEqual({
      containerPort: 7000,
      count: 3,
      protocol: "udp",
    });
  });
});

describe("--network", () => {
  const after = (...texts: string[]) => {
    const { networking } = emptySpec();
    for (const text of texts) addNetwork(networking, text);
    return networking;
  };

  test.each([
    ["none", { kind: "none" }],
    ["host", { kind: "host" }],
    ["container:x", { kind: "container", of: "x" }],
    ["ns:/run/netns/x", { kind: "path", of: "/run/netns/x" }],
    ["pasta:-T,80", { kind: "pasta" }],
    ["slirp4netns", { kind: "slirp4netns" }],
    ["web", { kind: "bridge" }],
  ])("%s", (text, mode) => {
    expect(after(text).mode).toEqual(mode as never);
  });

  test("options in podman's and in Docker's spelling", () => {
    const [podman] = after(
      "web:ip=10.5.0.9,ip6=FD00::0:9,mac=02-42-00-00-00-01,alias=a,alias=b,interface_name=wan0",
    ).networks;
    expect(podman).toEqual({
      name: "web",
      addresses: ["10.5.0.9", "fd00::9"],
      macAddress: "02:42:00:00:00:01",
      aliases: ["a", "b"],
      interfaceName: "wan0",
      hostInterfaceName: null,
      options: {},
    });
    const [docker] = after("name=web,ip=10.5.0.9,mac-address=02:42:00:00:00:01,alias=a").networks;
    expect(docker).toMatchObject({ name: "web", addresses: ["10.5.0.9"], aliases: ["a"] });
    expect(after("a", "b:ip=10.6.0.2").networks.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(after("pasta:-T,80").modeOptions).toEqual(["-T", "80"]);
  });

  test.each([
    [["a", "host"], "only networks can be given several times"],
    [["none", "a"], "only networks can be given several times"],
    [["container:"], "container:NAME"],
    [["ns:relative"], "ns:/PATH"],
    [["a:ip=fd00::1"], "is not IPv4"],
    [["a:ip=1.2.3.4,ip=1.2.3.5"], "two IPv4 addresses"],
    [["a:mac=01:00:00:00:00:00"], "multicast"],
    [["a:colour=red"], 'unknown option "colour"'],
    [["a;b"], "is no name of a network"],
    [["a:alias=x y"], "is no name that can be looked up"],
    [["a:interface_name=../x"], "is no name of a link"],
  ])("%j is refused: %s", (texts, message) => {
    expect(() => after(...texts)).toThrow(message);
  });
});

test.each([
  ["70000", "out of range"],
  ["0", "out of range"],
  ["80/icmp", "unknown protocol"],
  ["90-80", "runs backwards"],
  ["x", "no container port"],
])("--expose %s is refused: %s", (text, message) => {
  expect(() => parseExposed(text)).toThrow(message);
});
