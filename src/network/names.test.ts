import { expect, test } from "bun:test";
import { type NamesEntry, namesEntry, namesFile, withEntry } from "./names.ts";

const entry = (containerId: string, more: Partial<NamesEntry> = {}): NamesEntry => ({
  containerId,
  addresses: ["10.89.0.2", "fd00::2"],
  names: ["web"],
  upstreams: [],
  ...more,
});

test("namesFile() writes a line a container, and no file for nobody", () => {
  const other = entry("b", {
    addresses: ["10.89.0.3"],
    names: ["db", "x"],
    upstreams: ["9.9.9.9"],
  });
  expect(namesFile("10.89.0.1 192.0.2.1", [entry("a"), other])).toBe(
    "10.89.0.1 192.0.2.1\na 10.89.0.2 fd00::2 web\nb 10.89.0.3  db,x 9.9.9.9\n",
  );
  expect(namesFile("10.89.0.1", [])).toBeUndefined();
});

test("withEntry() changes one container alone", () => {
  const one = withEntry(undefined, "10.89.0.1", "a", entry("a"));
  const two = withEntry(one, "10.89.0.1", "b", entry("b"));
  expect(withEntry(two, "10.89.0.1", "a", entry("a", { names: ["new"] }))).toBe(
    "10.89.0.1\nb 10.89.0.2 fd00::2 web\na 10.89.0.2 fd00::2 new\n",
  );
  expect(withEntry(two, "10.89.0.1", "b", null)).toBe(one);
  expect(withEntry(one, "10.89.0.1", "a", null)).toBeUndefined();
});

test("namesEntry() has each name once, in small letters, and the beginning of the id", () => {
  const live = { interfaceName: "eth0", hostInterfaceName: "v", mac: "", addresses: [] };
  const attachment = {
    ...{ networkId: "n", networkName: "n", position: 0, addresses: [], mac: null },
    ...{ aliases: ["Web", "api"], interfaceName: null, hostInterfaceName: null, options: {} },
    live,
  };
  const container = { id: "0123456789abcdef", name: "WEB", dns: ["none"] };
  expect(namesEntry(container, attachment, live)).toMatchObject({
    names: ["web", "api", "0123456789ab"],
    upstreams: [],
  });
});
