import { describe, expect, test } from "bun:test";
import { forwardBlockers, iptablesOf, passRules } from "./forward-policy.ts";

const chains = (...list: readonly Record<string, unknown>[]) =>
  JSON.stringify({ nftables: [{ metainfo: {} }, ...list.map((chain) => ({ chain }))] });
const forward = { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" };

describe("forwardBlockers()", () => {
  test.each([
    { name: "none", list: [], found: [] },
    { name: "a policy that accepts", list: [{ ...forward, policy: "accept" }], found: [] },
    { name: "another hook", list: [{ ...forward, hook: "input" }], found: [] },
    { name: "our own", list: [{ ...forward, family: "inet", table: "cooper" }], found: [] },
    { name: "iptables'", list: [forward], found: ["iptables"] },
    {
      name: "both families",
      list: [forward, { ...forward, family: "ip6" }],
      found: ["iptables", "ip6tables"],
    },
    {
      name: "the administrator's",
      list: [{ ...forward, family: "inet", name: "fwd" }],
      found: [undefined],
    },
  ])("$name", ({ list, found }) => {
    expect(forwardBlockers(chains(...list)).map(iptablesOf)).toEqual(found as never);
  });
});

test("passRules() uses the chain that Docker leaves to others", () => {
  const [plain] = forwardBlockers(chains(forward));
  const [docker] = forwardBlockers(
    chains(forward, { family: "ip", table: "filter", name: "DOCKER-USER" }),
  );
  if (plain === undefined || docker === undefined) throw new Error("no blocker");
  expect(passRules(plain, "cooper0", true)).toContain("-I FORWARD -i cooper0 ");
  expect(passRules(docker, "cooper0", true)).toContain("-I DOCKER-USER -o cooper0 ");
  expect(passRules(docker, "cooper0", false)).toContain("-D DOCKER-USER -i cooper0 ");
});
