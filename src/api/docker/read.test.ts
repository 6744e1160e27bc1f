import { describe, expect, test } from "bun:test";
import type { ListedContainer } from "../../container/listed.ts";
import type { ListedImage } from "../../image/list.ts";
import { Document } from "../document.ts";
import { eventDocument } from "./event.ts";
import { registryName } from "./names.ts";
import { networkRequest } from "./network.ts";
import { pathStatHeader } from "./path-stat.ts";
import { ownContainer, readContainer, readPorts } from "./read-container.ts";
import { readEvent } from "./read-event.ts";
import { ownImage, readImage } from "./read-image.ts";
import { networkBody } from "./read-network.ts";
import { readPathStat } from "./read-path-stat.ts";

/** As it comes from the other side. */
const sent = (value: unknown) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
const asIs = (name: string) => name;

const container: ListedContainer = {
  id: "a".repeat(64),
  name: "web",
  image: "localhost/hello:latest",
  imageId: "b".repeat(64),
  command: ["sh", "-c", "a b"],
  createdAt: 1_700_000_000_123,
  startedAt: 1_700_000_000_456,
  finishedAt: 0,
  state: "running",
  status: "Up 3 minutes",
  isActive: true,
  pid: 7,
  exitCode: 0,
  restartCount: 2,
  health: null,
  labels: { a: "b" },
  mounts: ["data"],
  volumeCount: 1,
  networks: ["cooper"],
  publishedPorts: [
    { hostAddress: "0.0.0.0", hostPort: 80, containerPort: 8080, count: 2, protocol: "tcp" },
  ],
  exposedPorts: ["53/udp"],
  ports: "0.0.0.0:80-81->8080-8081/tcp, 53/udp",
  namespaces: { NET: "4" },
  platform: "linux/amd64",
  removesItself: false,
  staysStopped: false,
};

describe("containers", () => {
  test("of another Cooper are what they were", () => {
    const item = {
      Id: container.id,
      Names: ["/web"],
      ImageID: `sha256:${container.imageId}`,
      Cooper: ownContainer(container),
    };
    expect(readContainer(sent(item), asIs)).toEqual(container);
  });

  test("of Docker are told as far as it tells them", () => {
    const item = {
      Id: container.id,
      Names: ["/other/alias", "/web"],
      Image: "busybox",
      ImageID: `sha256:${container.imageId}`,
      Command: "sh -c 'a b'",
      Created: 1_700_000_000,
      State: "exited",
      Status: "Exited (3) 2 hours ago",
      Labels: { a: "b", c: 1 },
      Ports: [
        { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
        { IP: "::", PrivatePort: 81, PublicPort: 8081, Type: "tcp" },
        { PrivatePort: 53, Type: "udp" },
      ],
      Mounts: [
        { Type: "volume", Name: "v" },
        { Type: "bind", Source: "/s" },
      ],
      NetworkSettings: { Networks: { bridge: {} } },
    };
    expect(readContainer(sent(item), registryName)).toMatchObject({
      name: "web",
      image: "docker.io/library/busybox:latest",
      command: ["sh", "-c", "a b"],
      exitCode: 3,
      isActive: false,
      labels: { a: "b" },
      mounts: ["v", "/s"],
      ports: "[::]:8080-8081->80-81/tcp, 53/udp",
      networks: ["bridge"],
    });
  });

  test.each([
    [{}],
    [{ Names: "x", Ports: { a: 1 }, Mounts: [1, null], Labels: [], NetworkSettings: 7 }],
    [{ Id: 1, Cooper: { publishedPorts: [null], labels: "x", command: [{}], status: 3 } }],
  ])("that are none do no harm: %j", (item) => {
    expect(readContainer(sent(item), asIs).labels).toEqual({});
  });

  test("ports of the same host port and others stay apart", () => {
    const port = (PrivatePort: number, PublicPort: number) => ({ PrivatePort, PublicPort, IP: "" });
    expect(readPorts([port(1, 10), port(3, 11)]).publishedPorts).toHaveLength(2);
  });
});

test("images of another Cooper are what they were", () => {
  const listed: ListedImage = {
    image: {
      id: "c".repeat(64),
      names: ["localhost/a:1"],
      repoDigests: [],
      size: 5,
      createdAt: 1_700_000_000_001,
      addedAt: 1_700_000_000_002,
      manifestDigest: "sha256:d",
      parentId: null,
      config: { config: { Labels: { a: "b" } } },
    },
    rows: [{ repository: "localhost/a", tag: "1" }],
    containers: 2,
    isDangling: false,
    isIntermediate: false,
  };
  const item = {
    Id: `sha256:${listed.image.id}`,
    ParentId: "",
    Size: 5,
    Labels: { a: "b" },
    Cooper: ownImage(listed),
  };
  expect(readImage(sent(item), asIs)).toEqual(listed);
});

test("an event is what it was, but for the names that Docker shortens", () => {
  const event = {
    timeMicroseconds: 1_700_000_000_000_000,
    type: "container",
    action: "die",
    id: "e",
    name: "web",
    image: "docker.io/library/x:1",
    attributes: { exitCode: "3" },
  } as const;
  expect(readEvent(sent(eventDocument(event, 41)), registryName)).toEqual(event);
});

test("a network is asked for as it was asked for", () => {
  const request = {
    name: "n",
    driver: "macvlan",
    interfaceName: "eth0",
    subnets: [{ subnet: "10.1.0.0/24", gateway: "10.1.0.1", range: null }],
    wantsIpv4: true,
    wantsIpv6: false,
    isInternal: true,
    dnsEnabled: true,
    dnsServers: [],
    routes: [],
    options: { mtu: "1400" },
    labels: { a: "b" },
    reserved: { host: "10.1.0.9" },
    ipam: "host-local",
  } as const;
  expect(networkRequest(new Document(sent(networkBody(request))))).toEqual(request);
});

test.each([
  [0o040755, { isDirectory: true, linkTarget: "" }],
  [0o120777, { isDirectory: false, linkTarget: "/there" }],
  [0o100644, { isDirectory: false, linkTarget: "" }],
])("what is at a path with mode %o", (mode, seen) => {
  const stat = { name: "x", size: 1, mode, modifiedAtMs: 0, linkTarget: "/there" };
  expect(readPathStat(pathStatHeader(stat))).toEqual(seen);
});
