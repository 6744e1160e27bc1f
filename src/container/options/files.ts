/** Files, volumes and devices that a container sees. */
import { flagSwitch, listOf, oneOf, path, string } from "../../option.ts";
import type { Device, Mount } from "../spec.ts";
import { containerPath, option, refused } from "./declare.ts";
import { parseMount, splitCsv } from "./mount-keys.ts";
import { parseTmpfs, parseVolume } from "./mount-syntax.ts";

/** The value type of a mount's syntax. */
function syntax(placeholder: string, parse: (text: string) => Mount) {
  return listOf({ placeholder, completes: "file" as const, parse });
}

/** `vendor.com/class=name`: a device that a CDI spec describes. */
export function isCdiName(text: string): boolean {
  return /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[A-Za-z0-9][\w.:-]*$/.test(text);
}

/** `SOURCE[:TARGET][:rwm]`, or a CDI name. */
export function parseDevice(text: string): Device {
  if (!text.startsWith("/")) {
    if (isCdiName(text)) return { source: text, target: "", access: "" };
    throw new Error("must be the path of a device");
  }
  const [source = "", second, third, ...more] = text.split(":");
  if (more.length > 0) throw new Error("must be SOURCE[:TARGET][:rwm]");
  const isAccess = (part: string | undefined) => part !== undefined && /^[rwm]{1,3}$/.test(part);
  if (third !== undefined && !isAccess(third)) throw new Error(`"${third}" is not of r, w and m`);
  const target =
    second === undefined || (isAccess(second) && third === undefined)
      ? source
      : containerPath(second);
  return { source, target, access: third ?? (isAccess(second) ? (second ?? "") : "rwm") };
}

/** `all`, `device=0,1` or a CDI name; ids stand for themselves. A number of GPUs cannot be chosen for you. */
export function parseGpus(text: string): string[] {
  if (isCdiName(text)) return [text];
  const unclear = (word: string) =>
    new Error(`name the GPUs: all, or device=ID[,ID]; "${word}" does not say which`);
  let isIds = false;
  const names = splitCsv(text).flatMap((word) => {
    const [key = "", value] = word.split(/=(.*)/s, 2);
    if (value === undefined) {
      if (word === "all" || isIds) return [word];
      throw unclear(word);
    }
    isIds = key === "device";
    if (isIds) return value.split(",");
    if (key === "count" && value === "all") return ["all"];
    if (key === "capabilities" || key === "driver") return []; // what a CDI spec describes is all there is
    throw new Error(`unknown key "${key}" (device, count=all, capabilities, driver)`);
  });
  if (names.length === 0 || names.includes("")) throw unclear(text);
  return names;
}

export const fileOptions = [
  option(
    "--volume",
    syntax("[SOURCE:]TARGET[:OPTIONS]", parseVolume),
    "Mount a directory of the host, or a volume",
    (spec, mount) => {
      spec.mounts.push(mount);
    },
    { short: "-v", api: "HostConfig.Binds", compose: "volumes", quadlet: "Volume" },
  ),
  option(
    "--mount",
    listOf({ placeholder: "type=TYPE,target=DIR,…", completes: "file", parse: parseMount }),
    "Mount a bind, glob, volume, tmpfs, image, devpts or ramfs",
    (spec, mounts) => {
      spec.mounts.push(...mounts);
    },
    { api: "HostConfig.Mounts", compose: "volumes", quadlet: "Mount" },
  ),
  option(
    "--tmpfs",
    syntax("TARGET[:OPTIONS]", parseTmpfs),
    "Mount a tmpfs",
    (spec, mount) => {
      spec.mounts.push(mount);
    },
    { api: "HostConfig.Tmpfs", compose: "tmpfs", quadlet: "Tmpfs" },
  ),
  option(
    "--volumes-from",
    listOf({ ...string, placeholder: "CONTAINER[:OPTIONS]", completes: "container" }),
    "Mount the volumes of another container",
    (spec, text) => {
      spec.volumesFrom.push(...text.split(/,(?=[^:]+(?::|$))/));
    },
    { api: "HostConfig.VolumesFrom", compose: "volumes_from" },
  ),
  option("--volume-driver", string, "Driver of volumes: only local", (spec, name) => {
    if (name !== "local") throw new Error("there is no other driver than local");
    spec.volumeDriver = name;
  }),
  option(
    "--image-volume",
    oneOf("anonymous", "bind", "tmpfs", "ignore"),
    "What becomes of the image's volumes",
    (spec, mode) => {
      spec.imageVolumes = mode === "bind" ? "anonymous" : mode;
    },
    { defaultText: "anonymous" },
  ),
  option(
    "--read-only",
    flagSwitch,
    "Make its root file system read-only",
    (spec, isOn) => {
      spec.isReadOnly = isOn;
    },
    { api: "HostConfig.ReadonlyRootfs", compose: "read_only", quadlet: "ReadOnly" },
  ),
  option(
    "--read-only-tmpfs",
    flagSwitch,
    "In a read-only container: make /run, /tmp and /var/tmp writable",
    (spec, isOn) => {
      spec.readOnlyTmpfs = isOn;
    },
    { defaultText: "true", quadlet: "ReadOnlyTmpfs" },
  ),
  option(
    "--rootfs",
    flagSwitch,
    "The first word is a directory of the host instead of an image: DIR[:O]",
    (spec, isOn) => {
      spec.rootfs = isOn ? { path: "", isOverlay: false, idmap: null } : null;
    },
  ),
  option(
    "--device",
    listOf({ ...path, placeholder: "SOURCE[:TARGET][:rwm]", parse: parseDevice }),
    "Give it a device of the host",
    (spec, device) => {
      spec.devices.push(device);
    },
    { api: "HostConfig.Devices", compose: "devices", quadlet: "AddDevice" },
  ),
  option(
    "--device-cgroup-rule",
    listOf({ ...string, placeholder: "RULE" }),
    "Allow devices by number: 'c 42:* rmw'",
    (spec, rule) => {
      if (!/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(rule))
        throw new Error("must be like 'c 42:* rmw'");
      spec.deviceCgroupRules.push(rule);
    },
    { api: "HostConfig.DeviceCgroupRules" },
  ),
  option(
    "--gpus",
    listOf({ ...string, placeholder: "all|device=ID[,ID]", parse: parseGpus }),
    "Give it GPUs that a CDI spec describes",
    (spec, names) => {
      spec.gpus.push(...names);
    },
    { api: "HostConfig.DeviceRequests" },
  ),
  refused(
    "--storage-opt",
    listOf(string),
    "Options of its storage",
    "the overlay driver takes none",
  ),
  refused(
    "--use-api-socket",
    flagSwitch,
    "Give it the engine's socket",
    "it would rule over all containers; if you want that: cooper system service unix:///SOCKET, and -v SOCKET:/var/run/docker.sock",
  ),
];
