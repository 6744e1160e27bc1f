/**
 * A body of `POST /containers/create` as a ContainerSpec: each field is written as the option of the
 * command line that says the same, so that both doors check and mean the same. Pure.
 */
import { applyOption } from "../../container/options/apply.ts";
import { createOptions } from "../../container/options/table.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { Document } from "../document.ts";
import {
  applyRows,
  asked,
  csvLine,
  entrypointTexts,
  given,
  healthTexts,
  nonZero,
  plainTexts,
  type Row,
  seconds,
} from "../spec-rows.ts";
import { networkTexts } from "./endpoints.ts";

const rates = (key: "Rate" | "Weight") => (at: Document, name: string) =>
  at.documents(name).map((limit) => `${limit.string("Path")}:${limit.number(key) ?? 0}`);

/** Special rows; all other fields follow from the `api` of their options. */
const rows: readonly Row[] = [
  ["Config.Env", "--env", (at, name) => at.strings(name).filter((pair) => pair.includes("="))],
  // without a value it takes a variable of the image away, and never ours
  [
    "Config.Env",
    "--unsetenv",
    (at, name) => at.strings(name).filter((pair) => !pair.includes("=")),
  ],
  ["Config.Entrypoint", "--entrypoint", (at, name) => entrypointTexts(at.words(name))],
  ["Config.ExposedPorts", "--expose", (at, name) => at.map(name).map(([port]) => port)],
  ["Config.StopTimeout", "--stop-timeout", (at, name) => asked(at.number(name))],
  ["Config.Healthcheck.Interval", "--health-interval", seconds],
  ["Config.Healthcheck.Timeout", "--health-timeout", seconds],
  ["Config.Healthcheck.StartPeriod", "--health-start-period", seconds],
  ["Config.Healthcheck.StartInterval", "--health-start-interval", seconds],
  ["Config.Healthcheck.Test", "--health-cmd", (at, name) => healthTexts(at.strings(name))],
  ["Config.MacAddress", "--mac-address", (at, name) => given(at.string(name))],
  ["HostConfig.Binds", "--volume", (at, name) => at.strings(name).map(absoluteBind)],
  ["HostConfig.Mounts", "--mount", (at, name) => at.documents(name).map(mountText)],
  [
    "HostConfig.Tmpfs",
    "--tmpfs",
    (at, name) =>
      Object.entries(at.pairs(name)).map(([target, options]) =>
        options === "" ? target : `${target}:${options}`,
      ),
  ],
  ["HostConfig.PortBindings", "--publish", publishTexts],
  ["HostConfig.RestartPolicy", "--restart", restartTexts],
  [
    "HostConfig.LogConfig.Config",
    "--log-opt",
    (at, name) => Object.entries(at.pairs(name)).map(([key, value]) => `${key}=${value}`),
  ],
  [
    "HostConfig.NanoCpus",
    "--cpus",
    (at, name) => ((at.number(name) ?? 0) === 0 ? [] : [`${(at.number(name) ?? 0) / 1e9}`]),
  ],
  [
    "HostConfig.MemorySwappiness",
    "--memory-swappiness",
    (at, name) => asked(at.number(name)).filter((text) => text !== "-1"),
  ],
  ["HostConfig.Init", "--init", (at, name) => asked(at.boolean(name))],
  ["HostConfig.Devices", "--device", (at, name) => at.documents(name).map(deviceText)],
  ["HostConfig.DeviceRequests", "--gpus", gpuTexts],
  [
    "HostConfig.Ulimits",
    "--ulimit",
    (at, name) =>
      at
        .documents(name)
        .map(
          (limit) =>
            `${limit.string("Name")}=${limit.number("Soft") ?? 0}:${limit.number("Hard") ?? 0}`,
        ),
  ],
  ["HostConfig.BlkioWeightDevice", "--blkio-weight-device", rates("Weight")],
  ["HostConfig.BlkioDeviceReadBps", "--device-read-bps", rates("Rate")],
  ["HostConfig.BlkioDeviceWriteBps", "--device-write-bps", rates("Rate")],
  ["HostConfig.BlkioDeviceReadIOps", "--device-read-iops", rates("Rate")],
  ["HostConfig.BlkioDeviceWriteIOps", "--device-write-iops", rates("Rate")],
  ["HostConfig.VolumeDriver", "--volume-driver", (at, name) => given(at.string(name))],
  [
    "HostConfig.StorageOpt",
    "--storage-opt",
    (at, name) => Object.entries(at.pairs(name)).map(([key, value]) => `${key}=${value}`),
  ],
  [
    "HostConfig.Isolation",
    "--isolation",
    (at, name) => given(at.string(name)).filter((text) => text !== "default"),
  ],
  ["HostConfig.Umask", "--umask", umaskTexts],
  ["HostConfig.CpuCount", "--cpu-count", (at, name) => nonZero(at.number(name))],
  ["HostConfig.CpuPercent", "--cpu-percent", (at, name) => nonZero(at.number(name))],
];

/** Paths that are read together with others, elsewhere in this file. */
const elsewhere = new Set(["HostConfig.NetworkMode", "HostConfig.Links", "Config.Volumes"]);

/** Reads a whole body. @throws CooperError invalid-argument, not-supported */
export function specOf(
  body: Document,
  query: { readonly name: string | null; readonly platform: string | null },
): { spec: ContainerSpec; warnings: string[] } {
  const spec = emptySpec();
  const warnings: string[] = [];
  if (query.name) applyOption(spec, "--name", query.name.replace(/^\//, ""), "name");
  if (query.platform) applyOption(spec, "--platform", query.platform, "platform");
  spec.image = body.string("Image") || null;
  if (spec.image === null)
    throw new CooperError(
      "invalid-argument",
      "no image was named: config cannot be empty in order to create a container",
    );
  const command = body.words("Cmd");
  spec.command = command === null || command.length === 0 ? null : command;
  applyRows(spec, allRows, body);
  const streams = (["stdin", "stdout", "stderr"] as const).filter(
    (stream) => body.boolean(`Attach${stream}`) === true,
  );
  spec.attach = streams.length > 0 ? streams : null;
  spec.closesStdin = body.boolean("StdinOnce") ?? false;
  const host = body.document("HostConfig");
  if (body.boolean("NetworkDisabled") === true)
    applyOption(spec, "--network", "none", "NetworkDisabled");
  else
    for (const text of networkTexts(host.string("NetworkMode"), body.document("NetworkingConfig")))
      applyOption(spec, "--network", text, "HostConfig.NetworkMode");
  addVolumes(spec, body);
  applyPaths(spec, host);
  if (
    ["host", "none", "container", "path"].includes(spec.networking.mode.kind) &&
    spec.networking.ports.length > 0
  ) {
    spec.networking.ports = [];
    warnings.push("Published ports are discarded when the container has no network of its own");
  }
  return { spec, warnings };
}

/** As far as `POST /containers/{id}/update` goes: limits and the restart policy stand at the top of its body. */
export function updateSpecOf(body: Document): ContainerSpec {
  const spec = emptySpec();
  for (const [path, flag, texts] of allRows) {
    const [top, name = "", ...more] = path.split(".");
    if (top !== "HostConfig" || more.length > 0 || !updatable.test(name)) continue;
    for (const text of texts(body, name)) applyOption(spec, flag, text, name);
  }
  return spec;
}

const updatable = /^(Cpu|Cpuset|Memory|Blkio|Pids|NanoCpus|RestartPolicy)/;

/** Fields that are numbers, which texts of options would also be read from. */
const isCount =
  /^HostConfig\.(Memory\w*|Cpu(Shares|Period|Quota|Realtime\w+)|BlkioWeight|PidsLimit|ShmSize|OomScoreAdj)$|\.Retries$/;

/** The rows above, and one for each further option that names its field. What is of Config stands at the top of the body. */
const allRows: readonly Row[] = [
  ...rows,
  ...createOptions.flatMap(({ api, flag, type }): Row[] => {
    const isSpecial = api === undefined || elsewhere.has(api) || !/^(Host)?Config\./.test(api);
    if (isSpecial || rows.some(([path]) => path === api)) return [];
    if (isCount.test(api)) return [[api, flag, (at, name) => nonZero(at.number(name))]];
    return [[api, flag, (at, name) => plainTexts(at.value(name), type.isSwitch === true, api)]];
  }),
].map(([path, flag, texts]) => [path.replace(/^Config\./, ""), flag, texts]);

/** JSON knows no octal numbers: 18 is 0022. */
function umaskTexts(at: Document, name: string): string[] {
  const mask = at.number(name);
  if (mask === null) return [];
  if (mask < 0 || mask > 0o777)
    throw new CooperError("invalid-argument", `invalid umask ${mask}: it is at most 511 (0777)`);
  return [mask.toString(8).padStart(4, "0")];
}

/** On the command line `./x` counts from the caller's directory, which is not known here. */
function absoluteBind(text: string): string {
  if (text.startsWith("."))
    throw new CooperError(
      "invalid-argument",
      `invalid volume specification: '${text}': the path must be absolute`,
    );
  return text;
}

/** A mount in the words of `--mount`; quotes keep commas in paths. */
function mountText(mount: Document): string {
  const type = mount.string("Type") || "volume";
  const fields: string[] = [`type=${type}`, `target=${mount.string("Target")}`];
  const source = mount.string("Source");
  if (source !== "" && type !== "tmpfs") fields.push(`source=${source}`);
  if (type === "bind" && !source.startsWith("/"))
    throw new CooperError(
      "invalid-argument",
      `invalid mount config for type "bind": invalid mount path: '${source}' mount path must be absolute`,
    );
  if (mount.boolean("ReadOnly") === true) fields.push("readonly");
  const bind = mount.document("BindOptions");
  if (bind.string("Propagation") !== "")
    fields.push(`bind-propagation=${bind.string("Propagation")}`);
  if (bind.boolean("NonRecursive") === true) fields.push("bind-nonrecursive=true");
  if (bind.boolean("CreateMountpoint") === true) fields.push("create-mountpoint=true");
  const volume = mount.document("VolumeOptions");
  if (volume.boolean("NoCopy") === true) fields.push("volume-nocopy");
  for (const [key, value] of Object.entries(volume.pairs("Labels")))
    fields.push(`volume-label=${key}=${value}`);
  const driver = volume.document("DriverConfig");
  if (driver.string("Name") !== "") fields.push(`volume-driver=${driver.string("Name")}`);
  for (const [key, value] of Object.entries(driver.pairs("Options")))
    fields.push(`volume-opt=${key}=${value}`);
  const subpath = volume.string("Subpath") || mount.document("ImageOptions").string("Subpath");
  if (subpath !== "") fields.push(`${type === "image" ? "subpath" : "volume-subpath"}=${subpath}`);
  const tmpfs = mount.document("TmpfsOptions");
  const size = tmpfs.number("SizeBytes") ?? 0;
  const mode = tmpfs.number("Mode") ?? 0;
  if (size > 0) fields.push(`tmpfs-size=${size}`);
  if (mode > 0) fields.push(`tmpfs-mode=${mode.toString(8)}`);
  return csvLine(fields);
}

function publishTexts(at: Document, name: string): string[] {
  return at.map(name).flatMap(([port, bindings]) => {
    const list = new Document({ list: bindings ?? [] }, "HostConfig.PortBindings").documents(
      "list",
    );
    const [inside = "", protocol = "tcp"] = port.split("/");
    return list.map((binding) => {
      const address = binding.string("HostIp");
      const host = binding.string("HostPort");
      const shown = address.includes(":") ? `[${address}]` : address;
      return `${shown === "" ? "" : `${shown}:`}${host === "" && shown === "" ? "" : `${host}:`}${inside}/${protocol}`;
    });
  });
}

function restartTexts(at: Document, name: string): string[] {
  const policy = at.document(name);
  const word = policy.string("Name");
  const count = policy.number("MaximumRetryCount") ?? 0;
  if (count !== 0 && word !== "on-failure")
    throw new CooperError(
      "invalid-argument",
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  return word === "" ? [] : [count > 0 ? `${word}:${count}` : word];
}

function deviceText(device: Document): string {
  const source = device.string("PathOnHost");
  const target = device.string("PathInContainer") || source;
  return `${source}:${target}:${device.string("CgroupPermissions") || "rwm"}`;
}

function gpuTexts(at: Document, name: string): string[] {
  return at.documents(name).flatMap((request) => {
    const ids = request.strings("DeviceIDs");
    if (request.string("Driver") === "cdi") return ids;
    if (ids.length > 0) return [`"device=${ids.join(",")}"`.replaceAll('"', "")];
    return [
      (request.number("Count") ?? 0) === -1 ? "all" : `count=${request.number("Count") ?? 0}`,
    ];
  });
}

/** Anonymous volumes, unless something is mounted there already. */
function addVolumes(spec: ContainerSpec, body: Document): void {
  for (const [target] of body.map("Volumes"))
    if (!spec.mounts.some((mount) => mount.target === target))
      applyOption(spec, "--volume", target, "Volumes");
}

/** The docker client asks for all of /proc and /sys by two empty lists (`--security-opt systempaths=unconfined`). */
function applyPaths(spec: ContainerSpec, host: Document): void {
  for (const name of ["MaskedPaths", "ReadonlyPaths"]) {
    if (!host.has(name)) continue;
    if (host.strings(name).length > 0)
      throw new CooperError(
        "not-supported",
        `HostConfig.${name} cannot be chosen one by one; SecurityOpt has mask= and unmask=`,
      );
    if (!spec.unmask.includes("ALL"))
      applyOption(spec, "--security-opt", "systempaths=unconfined", `HostConfig.${name}`);
  }
}
