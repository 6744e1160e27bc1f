import { expect, test } from "bun:test";
import type { PublishedPort } from "./model.ts";
import { checkPastaWords, featuresIn, type PastaPlan, pastaArgs, pastaMessage } from "./pasta.ts";

const plan: PastaPlan = {
  netns: "/run/netns/x",
  pidFile: "/run/x.pid",
  words: [],
  features: { mapsGuestAddress: false },
  ports: [],
  own: null,
  link: null,
  forwardsDns: false,
};
const port: PublishedPort = {
  hostAddress: "0.0.0.0",
  hostPort: 8080,
  containerPort: 80,
  count: 1,
  protocol: "tcp",
};
const text = (change: Partial<PastaPlan>) => pastaArgs({ ...plan, ...change }).join(" ");

test("pastaArgs() forwards nothing and maps no gateway unless asked", () => {
  expect(text({})).toBe(
    "--config-net -t none -u none -T none -U none --no-map-gw --quiet --pid /run/x.pid --netns /run/netns/x",
  );
});

test.each<[title: string, change: Partial<PastaPlan>, has: string, hasNot: string]>([
  ["the user's word takes the place of ours", { words: ["-T", "5432"] }, "-T 5432", "-T none"],
  ["--map-gw is podman's word", { words: ["--map-gw"] }, "--config-net -t", "map-gw"],
  [
    "a newer one maps the guest's address",
    { features: { mapsGuestAddress: true } },
    "--map-guest-addr 169.254.1.2",
    " -a ",
  ],
  [
    "own addresses",
    { own: { address: "10.0.2.100", prefixLength: 24, gateway: "10.0.2.2" } },
    "-a 10.0.2.100 -n 24 -g 10.0.2.2",
    "map-guest",
  ],
  [
    "a port of one address",
    { ports: [{ ...port, hostAddress: "127.0.0.1" }] },
    "-t 127.0.0.1/8080:80",
    "-t none",
  ],
  ["a range", { ports: [{ ...port, count: 3 }] }, "-t 0.0.0.0/8080-8082:80-82", "-t none"],
  [
    "both families are told once",
    { ports: [port, { ...port, hostAddress: "::" }] },
    "-t 8080:80 -u none",
    "0.0.0.0",
  ],
  ["udp", { ports: [{ ...port, protocol: "udp" }] }, "-u 0.0.0.0/8080:80", "-u none"],
  ["names are forwarded", { forwardsDns: true }, "--dns-forward 169.254.1.1", "-D"],
])("pastaArgs(): %s", (_, change, has, hasNot) => {
  expect(text(change)).toContain(has);
  expect(text(change)).not.toContain(hasNot);
});

test.each([
  { words: ["-f"] },
  { words: ["--pid=/etc/x"] },
  { words: ["--mtu", "1500", "--runas", "0"] },
])("checkPastaWords() refuses $words", ({ words }) => {
  expect(() => checkPastaWords(words)).toThrow("set by cooper itself");
});

test("what pasta says is told without its complaints that there is no log", () => {
  expect(pastaMessage("Failed to send 46 bytes to syslog\nNo such device\n")).toBe(
    "No such device",
  );
  expect(featuresIn("  --map-guest-addr ADDR\n")).toEqual({ mapsGuestAddress: true });
});
