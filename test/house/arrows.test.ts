import { expect, test } from "bun:test";
import { type Import, importsOf, isProduct, sources } from "./source.ts";

/** The floors of the house, lowest first; rooms of one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ["errors.ts", "version.ts"],
  ["option.ts", "oci", "paths.ts", "nearest.ts"],
  [
    "moment.ts",
    "filter.ts",
    "words.ts",
    "container/spec.ts",
    "network/model.ts",
    "network/address.ts",
  ],
  ["settings"],
  ["settings.ts"],
  ["system"],
  ["records"],
  ["runtime", "network", "volume", "secret", "layer", "registry", "events"],
  ["host.ts"],
  ["own-command.ts"],
  ["why"],
  ["image"],
  ["container"],
  ["pod"],
  ["build"],
  ["store"],
  ["store-location.ts"],
  ["caller-host.ts"],
  ["engine"],
  ["engine.ts"],
  ["bake", "compose", "kube", "quadlet"],
  ["api"],
  ["remote"],
  ["cli", "desktop"],
  ["main.ts"],
];

/** Imports that go up or sideways: each is a debt with a reason, to be paid back. */
const debts: readonly (readonly [from: string, to: string, reason: string])[] = [
  [
    "src/cli/commands/place.ts",
    "src/layer/place-child.ts",
    "the child that writes what cp copies is a command",
  ],
  ["src/cli/commands/cp.ts", "src/container/copy/plan.ts", "the two ends as they are typed"],
  [
    "src/cli/commands/unpack.ts",
    "src/layer/unpack-child.ts",
    "the child that unpacks is a command",
  ],
  [
    "src/cli/run-command-line.ts",
    "src/system/userns.ts",
    "entering the user namespace precedes all",
  ],
  ["src/cli/output.ts", "src/system/pipe.ts", "writes that survive a full pipe"],
  [
    "src/cli/commands/network-create.ts",
    "src/network/define.ts",
    "type and defaults of the request",
  ],
  ["src/cli/commands/logs.ts", "src/system/pipe.ts", "writes that survive a full pipe"],
  ["src/cli/commands/listing.ts", "src/container/process-of.ts", "columns of top"],
  ["src/cli/commands/listing.ts", "src/container/top.ts", "columns of top"],
  ["src/cli/commands/pull.ts", "src/image/transfer-progress.ts", "progress is shown by the door"],
  [
    "src/cli/commands/manifest.ts",
    "src/image/transfer-progress.ts",
    "progress is shown by the door",
  ],
  ["src/cli/commands/push.ts", "src/image/transfer-progress.ts", "progress is shown by the door"],
  [
    "src/api/libpod/routes/images-transfer.ts",
    "src/image/transfer-progress.ts",
    "progress is shown by the door",
  ],
  ["src/cli/commands/system.ts", "src/system/userns.ts", "unshare is the user namespace"],
  ["src/container/summary.ts", "src/cli/human.ts", "the words of ps are columns of its template"],
  ["src/image/image-tree.ts", "src/cli/human.ts", "the tree is text for people in both doors"],
  ["src/engine.ts", "src/cli/command.ts", "type of the global options"],
  ["src/caller-host.ts", "src/cli/command.ts", "type of the global options"],
  ["src/remote/open.ts", "src/cli/command.ts", "type of the global options"],
  ["src/store-location.ts", "src/cli/command.ts", "type of the global options"],
  [
    "src/image/for-container.ts",
    "src/container/create.ts",
    "type of what create needs of an image",
  ],
  ["src/records/containers.ts", "src/container/record.ts", "type of the row's value"],
  ["src/records/health.ts", "src/container/health/state.ts", "type of the row's value"],
  ["src/secret/secret.ts", "src/host.ts", "type of the host"],
  ["src/volume/list.ts", "src/host.ts", "type of the host"],
  ["src/volume/mount.ts", "src/host.ts", "type of the host"],
  ["src/volume/removal.ts", "src/host.ts", "type of the host"],
  ["src/volume/take-in.ts", "src/host.ts", "type of the host"],
  ["src/volume/volume.ts", "src/host.ts", "type of the host"],
];

/** What the doors may use besides the engine: the spec and the tables of options. */
const openToDoors =
  /^src\/(container\/(spec\.ts|options\/)|oci\/|image\/names\.ts|events\/event\.ts|moment\.ts|system\/(terminal|program|listener)\.ts)/;

function floorOf(path: string): number {
  const within = path.replace(/^src\//, "");
  const exact = floors.findIndex((rooms) => rooms.includes(within));
  return exact >= 0
    ? exact
    : floors.findIndex((rooms) => rooms.includes(within.split("/")[0] ?? ""));
}

function roomOf(path: string): string {
  return path.replace(/^src\//, "").split("/")[0] ?? "";
}

const product = sources("src/**/*.ts").filter(isProduct);
const imports = product.flatMap(importsOf).filter(({ to }) => to.startsWith("src/"));
const isDebt = ({ from, to }: Import) => debts.some(([a, b]) => a === from && b === to);

test("every file stands on a floor", () => {
  expect(product.map(({ path }) => path).filter((path) => floorOf(path) < 0)).toEqual([]);
});

test("imports go down", () => {
  const wrong = imports
    .filter((one) => roomOf(one.from) !== roomOf(one.to) || floorOf(one.from) < floorOf(one.to))
    .filter((one) => floorOf(one.from) <= floorOf(one.to) && !isDebt(one))
    .map(({ from, to }) => `${from} uses ${to}`);
  expect(wrong).toEqual([]);
});

test("doors act through the engine alone", () => {
  const wrong = imports
    .filter(({ from }) => ["cli", "api"].includes(roomOf(from)))
    .filter(({ to, isTypeOnly }) => !isTypeOnly && !openToDoors.test(to))
    .filter(({ to }) =>
      ["container", "image", "layer", "records", "host.ts", "system"].includes(roomOf(to)),
    )
    .filter((one) => !isDebt(one))
    .map(({ from, to }) => `${from} uses ${to}`);
  expect(wrong).toEqual([]);
});

test("no static imports go in a circle", () => {
  const next = Map.groupBy(
    imports.filter(({ isTypeOnly, isDynamic }) => !isTypeOnly && !isDynamic),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      circles.push([...way.slice(way.indexOf(path)), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    for (const { to } of next.get(path) ?? []) visit(to, [...way, path]);
    done.add(path);
  };
  for (const { path } of product) visit(path, []);
  // a restart after the end, a removal after the end: both end processes
  const known = "container/after-end.ts → src/container/remove.ts → src/container/stop.ts";
  expect(circles.filter((circle) => !circle.includes(known))).toEqual([]);
});

test("foreign functions are called in system/ alone, and processes end in main alone", () => {
  const rooms = (needle: RegExp) =>
    product.filter(({ text }) => needle.test(text)).map(({ path }) => path);
  expect(rooms(/from "bun:ffi"/).filter((path) => !path.startsWith("src/system/"))).toEqual([]);
  expect(rooms(/\bprocess\.exit\(/).filter((path) => path !== "src/main.ts")).toEqual([]);
});
