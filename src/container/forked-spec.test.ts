import { expect, test } from "bun:test";
import { forkedSpec } from "./forked-spec.ts";
import { type ConfiguredSpec, emptySpec, type Mount, type PortRequest } from "./spec.ts";

const port: PortRequest = {
  hostAddress: "127.0.0.1",
  hostPort: 8080,
  choices: 1,
  containerPort: 80,
  count: 1,
  protocol: "tcp",
};
const volume = (target: string, name: string): Mount => ({
  kind: "volume",
  target,
  name,
  readOnly: false,
  options: [],
  copiesUp: true,
  changesOwner: false,
  driver: null,
  driverOptions: {},
  labels: {},
  isOverlay: false,
  overlay: null,
  idmap: null,
  subpath: null,
});

function original(): ConfiguredSpec {
  const spec = emptySpec();
  spec.name = "web";
  spec.env = ["A=1"];
  spec.pidFile = "/run/web.pid";
  spec.log.options = { path: "/var/log/web", tag: "web" };
  spec.mounts = [volume("/data", "data"), volume("/own", "0123")];
  spec.networking.addresses = ["10.0.0.2"];
  spec.networking.aliases = ["www"];
  spec.networking.ports = [port, { ...port, choices: 10 }];
  return spec as ConfiguredSpec;
}

const asFork = { name: "fork", ports: null, anonymous: new Set(["/own"]) };

test("forkedSpec() keeps what can be there twice", () => {
  const spec = forkedSpec(original(), asFork);
  expect(spec.env).toEqual(["A=1"]);
  expect(spec.log.options).toEqual({ tag: "web" });
  expect(spec.mounts.map((mount) => mount.kind === "volume" && mount.name)).toEqual(["data", null]);
});

test("forkedSpec() leaves out what can be there only once", () => {
  const { name, pidFile, networking } = forkedSpec(original(), asFork);
  expect({ name, pidFile }).toEqual({ name: "fork", pidFile: null });
  expect([networking.addresses, networking.aliases]).toEqual([[], []]);
  expect(networking.ports).toEqual([
    { ...port, hostPort: null },
    { ...port, choices: 10 },
  ]);
});

test("forkedSpec() takes ports that are named, and leaves the original alone", () => {
  const before = original();
  const ports = [{ ...port, hostPort: 9090 }];
  expect(forkedSpec(before, { ...asFork, ports }).networking.ports).toEqual(ports);
  expect(before).toEqual(original());
});
