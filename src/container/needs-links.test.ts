import { expect, test } from "bun:test";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { needsLinks } from "./needs-links.ts";

const withSysctl = (name: string) =>
  ({ linux: { sysctl: { [name]: "1" } } }) as unknown as RuntimeSpec;
const withHook = (stage: string) =>
  ({ hooks: { [stage]: [{ path: "/x" }] } }) as unknown as RuntimeSpec;

test.each([
  { name: "nothing asked", config: {} as RuntimeSpec, needed: false },
  { name: "a setting of a link", config: withSysctl("net.ipv4.conf.eth0.rp_filter"), needed: true },
  {
    name: "a setting of all links",
    config: withSysctl("net/ipv6/conf/all/disable_ipv6"),
    needed: true,
  },
  { name: "neighbours", config: withSysctl("net.ipv4.neigh.default.gc_thresh1"), needed: true },
  {
    name: "a setting of the namespace",
    config: withSysctl("net.ipv4.ping_group_range"),
    needed: false,
  },
  { name: "a hook at creation", config: withHook("createRuntime"), needed: true },
  { name: "a hook after the start", config: withHook("poststart"), needed: false },
])("needsLinks(): $name", ({ config, needed }) => {
  expect(needsLinks(config)).toBe(needed);
});
