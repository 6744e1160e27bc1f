import { describe, expect, test } from "bun:test";
import { emptyRequest } from "./define.ts";
import type { LiveAttachment, Network } from "./model.ts";
import { bridgeLines, linkPlan } from "./plumbing.ts";
import { dropNetworkRuleset, joinRuleset, leaveRuleset, wholeRuleset } from "./ruleset.ts";

const network = (more: Partial<Network> = {}): Network => ({
  ...emptyRequest("web"),
  id: "ab".repeat(32),
  interfaceName: "cooper1",
  subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1", leaseRange: null }],
  hasIpv6: false,
  createdAt: 0,
  ...more,
});

const live: LiveAttachment = {
  interfaceName: "eth0",
  hostInterfaceName: "veth1",
  mac: "02:42:0a:59:00:02",
  addresses: [{ address: "10.89.0.2", prefixLength: 24, gateway: "10.89.0.1" }],
};
const place = { outside: "/proc/1/fd/7", inside: "/proc/1/fd/8", position: 0, publishes: false };

describe("the firewall", () => {
  const target = {
    ports: [
      { hostAddress: "0.0.0.0", hostPort: 8080, containerPort: 80, count: 2, protocol: "tcp" },
      { hostAddress: "127.0.0.1", hostPort: 53, containerPort: 5353, count: 1, protocol: "udp" },
      { hostAddress: "::", hostPort: 8080, containerPort: 80, count: 1, protocol: "tcp" },
    ],
    ipv4: "10.89.0.2",
    ipv6: null,
  } as const;

  test("a container adds elements, never rules", () => {
    expect(joinRuleset([network()], target)).toBe(
      [
        'add element inet cooper bridges { "cooper1" }',
        'add element inet cooper same { "cooper1" . "cooper1" }',
        "add element inet cooper subnets4 { 10.89.0.0/24 }",
        "add element inet cooper masquerade4 { 10.89.0.0/24 }",
        "add element inet cooper any4 { tcp . 8080 : 10.89.0.2 . 80 }",
        "add element inet cooper any4 { tcp . 8081 : 10.89.0.2 . 81 }",
        "add element inet cooper ports4 { udp . 127.0.0.1 . 53 : 10.89.0.2 . 5353 }",
        "",
      ].join("\n"),
    );
  });

  test("where the names service has another port, a network with names leads there", () => {
    const named = network({ dnsEnabled: true });
    const element = 'add element inet cooper names { "cooper1" : 1053 }';
    expect(joinRuleset([named], target, 1053)).toContain(element);
    expect(joinRuleset([named], target)).not.toContain("names");
    expect(joinRuleset([network({ dnsEnabled: false })], target, 1053)).not.toContain("names");
    expect(dropNetworkRuleset(named, 1053)).toContain(
      'delete element inet cooper names { "cooper1" }',
    );
  });

  test("an internal network is not masqueraded, an open one is noted", () => {
    const inner = joinRuleset([network({ isInternal: true })], { ...target, ports: [] });
    expect(inner).toContain('internal { "cooper1" }');
    expect(inner).not.toContain("masquerade");
    const open = joinRuleset([network({ options: { isolate: "false" } })], {
      ...target,
      ports: [],
    });
    expect(open).toContain('open { "cooper1" }');
    expect(joinRuleset([network({ options: { isolate: "strict" } })], target)).not.toContain(
      "open",
    );
  });

  test("what is taken out is put in first, so that it may be missing", () => {
    const lines = leaveRuleset(target).trim().split("\n");
    expect(lines.slice(0, 2)).toEqual([
      "add element inet cooper any4 { tcp . 8080 : 10.89.0.2 . 80 }",
      "delete element inet cooper any4 { tcp . 8080 }",
    ]);
    expect(dropNetworkRuleset(network())).toContain(
      'delete element inet cooper bridges { "cooper1" }',
    );
  });

  test("made anew, the whole takes the place of what was there in one transaction", () => {
    const text = wholeRuleset([network()], [target]);
    expect(text.indexOf("delete table inet cooper")).toBeGreaterThan(-1);
    expect(text.indexOf("delete table inet cooper")).toBeLessThan(text.indexOf("chain forward"));
    expect(text).toContain("add element inet cooper any4 { tcp . 8081 : 10.89.0.2 . 81 }");
  });

  test("a name that is no name of a link never gets into it", () => {
    const hostile = network({ interfaceName: 'x" }; flush ruleset; #' });
    expect(() => joinRuleset([hostile], target)).toThrow("a link's name");
  });
});

describe("plumbing", () => {
  test("a bridge", () => {
    expect(
      bridgeLines(network({ options: { mtu: "1400", vlan: "7" } }), "02:42:0a:59:00:01"),
    ).toEqual([
      "link add name cooper1 mtu 1400 address 02:42:0a:59:00:01 type bridge forward_delay 0 vlan_default_pvid 7",
      "link set dev cooper1 type bridge vlan_filtering 1",
      "address replace 10.89.0.1/24 broadcast + dev cooper1",
      "link set dev cooper1 up",
    ]);
  });

  test("a veth pair", () => {
    expect(linkPlan(network(), live, { ...place, publishes: true })).toEqual({
      outside: [],
      inside: [
        "link add name eth0 address 02:42:0a:59:00:02 up type veth peer name veth1 netns /proc/1/fd/7",
        "address replace 10.89.0.2/24 broadcast + dev eth0",
        "route add 0.0.0.0/0 via 10.89.0.1 dev eth0 metric 100",
      ],
      port: { link: "veth1", bridge: "cooper1" },
      after: ["link set dev veth1 type bridge_slave hairpin on"],
    });
  });

  test("an internal network has no way out", () => {
    expect(linkPlan(network({ isInternal: true }), live, place).inside.join("\n")).not.toContain(
      "route",
    );
  });

  test("macvlan and ipvlan: a link on the parent", () => {
    const options = { mode: "private" };
    const macvlan = linkPlan(
      network({ driver: "macvlan", interfaceName: "eth0", options }),
      live,
      place,
    );
    expect(macvlan.outside).toEqual([
      "link add link eth0 name eth0 address 02:42:0a:59:00:02 netns /proc/1/fd/8 type macvlan mode private",
    ]);
    const ipvlan = linkPlan(network({ driver: "ipvlan", interfaceName: "eth0" }), live, place);
    expect(ipvlan.outside).toEqual([
      "link add link eth0 name eth0 netns /proc/1/fd/8 type ipvlan mode l2",
    ]);
  });

  test("routes of the network, and IPv6 without duplicate detection", () => {
    const six = { address: "fd00::2", prefixLength: 64, gateway: "fd00::1" };
    const routes = [{ destination: "10.0.0.0/8", gateway: "10.89.0.9", metric: 5 }];
    const { inside } = linkPlan(
      network({ routes }),
      { ...live, addresses: [six] },
      { ...place, position: 2 },
    );
    expect(inside.slice(1)).toEqual([
      "address replace fd00::2/64 nodad dev eth0",
      "route add ::/0 via fd00::1 dev eth0 metric 102",
      "route add 10.0.0.0/8 via 10.89.0.9 dev eth0 metric 5",
    ]);
  });

  test.each([
    ["a blank", { ...live, interfaceName: "eth0 up" }],
    ["a newline", { ...live, mac: "02:42:0a:59:00:02\nlink del lo" }],
    ["a quote", { ...live, hostInterfaceName: 've"th' }],
  ])("%s in a word never gets into a batch", (_, hostile) => {
    expect(() => linkPlan(network(), hostile, place)).toThrow("a word of an ip command");
  });
});
