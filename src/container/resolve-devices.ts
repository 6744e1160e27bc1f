/** From the devices that were asked for to their numbers (devices of a host, directories of them, all). */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { isCdiName } from "./options/files.ts";
import type { ResolvedDevice } from "./runtime-config/input.ts";
import type { ConfiguredSpec, ContainerSpec, Device } from "./spec.ts";

const blockDevice = 0o060000;
const characterDevice = 0o020000;
const typeMask = 0o170000;

/** The devices of a spec and of the configuration; with --privileged all of the host's. */
export function resolveDevices(host: Host, spec: ConfiguredSpec): ResolvedDevice[] {
  const devices = spec.devices
    .filter((device) => !isCdiName(device.source))
    .flatMap((device) => resolve(device));
  if (spec.isPrivileged)
    devices.push(
      ...privileged(host, spec).filter(
        ({ path }) => !devices.some((device) => device.path === path),
      ),
    );
  return devices;
}

/** A directory stands for all devices in it (docker-run(1), `--device`). */
function resolve(device: Device): ResolvedDevice[] {
  const found = statSync(device.source, { throwIfNoEntry: false });
  if (found === undefined)
    throw new CooperError("no-such-object", `no such device: ${device.source}`);
  if (found.isDirectory()) return inDirectory(device);
  const resolved = toDevice(device);
  if (resolved === undefined)
    throw new CooperError("invalid-argument", `${device.source} is not a device`);
  return [resolved];
}

function inDirectory(device: Device): ResolvedDevice[] {
  return namesIn(device.source).flatMap((name) => {
    const inner = {
      ...device,
      source: join(device.source, name),
      target: join(device.target, name),
    };
    // links (/dev/fd, /dev/stdin) lead to what is ours, not the host's
    const found = lstatSync(inner.source, { throwIfNoEntry: false });
    if (found?.isDirectory()) return inDirectory(inner);
    return found === undefined || found.isSymbolicLink() ? [] : (toDevice(inner) ?? []);
  });
}

/** Under /dev there are places of others, such as a directory in /dev/shm: no devices of ours to give. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "EACCES") return [];
    throw error;
  }
}

/** The device at a path of the host; undefined for what is none. */
export function toDevice(device: Device): ResolvedDevice | undefined {
  const { mode, rdev, uid, gid } = statSync(device.source);
  const type = mode & typeMask;
  if (type !== blockDevice && type !== characterDevice) return undefined;
  return {
    source: device.source,
    path: device.target,
    type: type === blockDevice ? "b" : "c",
    ...deviceNumbers(rdev),
    mode: mode & 0o7777,
    uid,
    gid,
    access: device.access === "" ? "rwm" : device.access,
  };
}

/** makedev(3) of glibc. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const high = Math.floor(rdev / 2 ** 32);
  const low = rdev >>> 0;
  return {
    major: ((low >>> 8) & 0xfff) | (high & ~0xfff),
    minor: (low & 0xff) | ((low >>> 12) & ~0xff),
  };
}

/** What the runtime makes itself, and terminals, which are the container's own. */
const notPassed =
  /^\/dev\/(pts|shm|mqueue|fd|ptmx|console|null|zero|full|random|urandom|tty|core|std(in|out|err)|hugepages)(\/|$)/;

/** Virtual terminals are not for a systemd inside, which would take them over (podman-run(1), `--privileged`). */
function privileged(host: Host, { systemd }: ConfiguredSpec): ResolvedDevice[] {
  return inDirectory({ source: "/dev", target: "/dev", access: "rwm" }).filter(
    // an ordinary user gets those bound that they may open anyway
    (device) =>
      !notPassed.test(device.path) &&
      !(systemd === "always" && /^\/dev\/tty\d/.test(device.path)) &&
      (!host.isRootless || (device.mode & 0o006) === 0o006),
  );
}

/** Numbers of the block devices that limits name. */
export function blockDevices(
  spec: ContainerSpec,
): Record<string, { major: number; minor: number }> {
  const { resources } = spec;
  const paths = [
    resources.blkioWeightDevice,
    resources.deviceReadBps,
    resources.deviceWriteBps,
    resources.deviceReadIops,
    resources.deviceWriteIops,
  ]
    .flat()
    .map(({ path }) => path);
  return Object.fromEntries(
    paths.map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined) throw new CooperError("no-such-object", `no such device: ${path}`);
      return [path, deviceNumbers(found.rdev)];
    }),
  );
}
