import { expect, test } from "bun:test";
import { hostsText } from "./hosts-text.ts";
import { hostNetwork, type NetworkFacts, noNetwork } from "./networkless.ts";
import { resolvText } from "./resolv-text.ts";

const nothing = { dns: [], dnsSearch: [], dnsOptions: [] };
const unset = { dnsServers: [], dnsSearches: [], dnsOptions: [] };
const named: NetworkFacts = {
  ...noNetwork,
  addresses: ["10.89.0.2"],
  resolvers: ["10.89.0.1"],
  hasNames: true,
};
const host = "search corp.example\nnameserver 127.0.0.1\nnameserver 192.0.2.1\noptions edns0\n";

test.each<[title: string, text: string, is: string]>([
  [
    "the host's, without its loopback",
    resolvText(nothing, unset, noNetwork, host),
    "search corp.example\nnameserver 192.0.2.1\noptions edns0\n",
  ],
  [
    "the host's, with its loopback in its network",
    resolvText(nothing, unset, hostNetwork, host),
    "search corp.example\nnameserver 127.0.0.1\nnameserver 192.0.2.1\noptions edns0\n",
  ],
  [
    "the names service before all, with its domain first",
    resolvText({ ...nothing, dns: ["9.9.9.9"] }, unset, named, host),
    "search dns.podman corp.example\nnameserver 10.89.0.1\noptions edns0\n",
  ],
  [
    "what was asked, before what is configured",
    resolvText(
      { dns: ["9.9.9.9"], dnsSearch: ["."], dnsOptions: ["ndots:2"] },
      { ...unset, dnsServers: ["8.8.8.8"] },
      noNetwork,
      host,
    ),
    "nameserver 9.9.9.9\noptions ndots:2\n",
  ],
  [
    "what is configured",
    resolvText(
      nothing,
      { dnsServers: ["8.8.8.8"], dnsSearches: ["x"], dnsOptions: [] },
      noNetwork,
      host,
    ),
    "search x\nnameserver 8.8.8.8\noptions edns0\n",
  ],
])("resolvText(): %s", (_, text, is) => {
  expect(text).toBe(is);
});

const input = {
  extraHosts: [],
  base: "127.0.0.1 localhost\n",
  hostname: "box",
  name: "me",
  facts: named,
};

test.each<[title: string, text: string, is: string]>([
  ["its own address", hostsText(input), "127.0.0.1 localhost\n10.89.0.2\tbox me\n"],
  [
    "asked names first, and the host's",
    hostsText({
      ...input,
      extraHosts: ["a;b:1.2.3.4", "g:host-gateway"],
      facts: { ...named, hostAddress: "10.89.0.1" },
    }),
    "1.2.3.4\ta b\n10.89.0.1\tg\n127.0.0.1 localhost\n10.89.0.1\thost.containers.internal host.docker.internal\n10.89.0.2\tbox me\n",
  ],
  [
    "without a network",
    hostsText({ ...input, base: "", facts: noNetwork }),
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\tbox me\n",
  ],
])("hostsText(): %s", (_, text, is) => {
  expect(text).toBe(is);
});

test("hostsText() refuses host-gateway where nothing leads to the host", () => {
  expect(() => hostsText({ ...input, extraHosts: ["g:host-gateway"] })).toThrow(
    "leads to the host",
  );
});
