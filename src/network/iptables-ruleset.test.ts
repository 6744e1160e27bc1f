import { describe, expect, test } from "bun:test";
import { emptyRequest } from "./define.ts";
import { iptablesRuleset } from "./iptables-ruleset.ts";
import type { Network } from "./model.ts";

const network = (
  name: string,
  options: Record<string, string> = {},
  isInternal = false,
): Network => ({
  ...emptyRequest(name),
  id: "ab".repeat(32),
  interfaceName: name,
  subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1", leaseRange: null }],
  hasIpv6: false,
  isInternal,
  options,
  createdAt: 0,
});
const target = {
  ports: [
    { hostAddress: "0.0.0.0", hostPort: 8080, containerPort: 80, count: 2, protocol: "tcp" },
    { hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 81, count: 1, protocol: "tcp" },
    { hostAddress: "::", hostPort: 8080, containerPort: 80, count: 1, protocol: "tcp" },
  ],
  ipv4: "10.89.0.2",
  ipv6: "fd00::2",
} as const;
const chain = (text: string, name: string) =>
  text.split("\n").filter((line) => line.startsWith(`-A ${name} `));

describe("iptablesRuleset()", () => {
  test("a port of one address stands before that of all", () => {
    expect(chain(iptablesRuleset(4, [network("a")], [target], ""), "COOPER-PUBLISH")).toEqual([
      "-A COOPER-PUBLISH -p tcp -d 127.0.0.1 -m tcp --dport 8080 -j DNAT --to-destination 10.89.0.2:81",
      "-A COOPER-PUBLISH -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.89.0.2:80",
      "-A COOPER-PUBLISH -p tcp -m tcp --dport 8081 -j DNAT --to-destination 10.89.0.2:81",
    ]);
    expect(chain(iptablesRuleset(6, [network("a")], [target], ""), "COOPER-PUBLISH")).toEqual([
      "-A COOPER-PUBLISH -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80",
    ]);
  });

  test("internal drops before published lets in, and what is left over is dropped", () => {
    const guard = chain(
      iptablesRuleset(4, [network("a"), network("in", {}, true)], [], ""),
      "COOPER-GUARD",
    );
    const at = (text: string) => guard.findIndex((line) => line.includes(text));
    expect(at("-i in -j DROP")).toBeLessThan(at("-o a -m conntrack --ctstate DNAT -j ACCEPT"));
    expect(at("-o a -j DROP")).toBeLessThan(at("-i a -j ACCEPT"));
  });

  test("only open networks reach each other", () => {
    const open = { isolate: "false" };
    const text = iptablesRuleset(4, [network("a", open), network("b", open), network("c")], [], "");
    expect(text).toContain("-A COOPER-GUARD -i a -o b -j ACCEPT");
    expect(text).not.toContain("-i a -o c");
  });

  test("calls that are there already are not made again", () => {
    const saved = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j COOPER-FORWARD\nCOMMIT\n";
    const text = iptablesRuleset(4, [], [], saved);
    expect(text).not.toContain("-I FORWARD");
    expect(text).toContain("-I PREROUTING -j COOPER-SPOOFED");
    expect(iptablesRuleset(4, [], [], "")).toContain("-I FORWARD -j COOPER-FORWARD");
  });

  test("a name that is no name of a link never gets into it", () => {
    expect(() => iptablesRuleset(4, [network("a\n-F")], [], "")).toThrow("a link's name");
  });
});
