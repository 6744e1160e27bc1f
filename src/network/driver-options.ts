/** Which options a driver knows (`--opt`), in podman's and Docker's spelling, and what their values may be. */
import { CooperError } from "../errors.ts";
import { isAddress } from "./address.ts";
import type { NetworkDriver } from "./model.ts";

type Check = (value: string) => string | undefined;

const size: Check = (value) =>
  /^\d{2,5}$/.test(value) && Number(value) >= 68 && Number(value) <= 65535
    ? undefined
    : "a number from 68 to 65535";
const whole: Check = (value) => (/^\d{1,9}$/.test(value) ? undefined : "a whole number");
const boolean: Check = (value) => (/^(true|false|1|0)$/i.test(value) ? undefined : "true or false");
const link: Check = (value) =>
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(value) ? undefined : "the name of a link";
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `one of ${words.join(", ")}`;

const common: Readonly<Record<string, Check>> = {
  mtu: size,
  "com.docker.network.driver.mtu": size,
  metric: whole,
  no_default_route: boolean,
};

const byDriver: Readonly<Record<NetworkDriver, Readonly<Record<string, Check>>>> = {
  bridge: {
    ...common,
    isolate: oneOf("true", "false", "1", "0", "strict"),
    vlan: (value) =>
      /^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= 4094
        ? undefined
        : "a number from 1 to 4094",
    "com.docker.network.bridge.name": link,
    "com.docker.network.bridge.enable_ip_masquerade": boolean,
    "com.docker.network.bridge.enable_icc": boolean,
    "com.docker.network.bridge.host_binding_ipv4": (value) =>
      isAddress(value) && !value.includes(":") ? undefined : "an IPv4 address",
    "com.docker.network.container_iface_prefix": link,
  },
  macvlan: {
    ...common,
    parent: link,
    mode: oneOf("bridge", "private", "vepa", "passthru"),
  },
  ipvlan: { ...common, parent: link, mode: oneOf("l2", "l3", "l3s") },
};

/** Refuses what a driver does not know, and values that it cannot take. */
export function checkOptions(
  driver: NetworkDriver,
  options: Readonly<Record<string, string>>,
): void {
  const known = byDriver[driver];
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, key) ? known[key] : undefined;
    if (check === undefined) {
      throw new CooperError(
        "invalid-argument",
        `unsupported ${driver} network option ${JSON.stringify(key)}`,
        { hint: Object.keys(known).join(", ") },
      );
    }
    const wanted = check(value);
    if (wanted !== undefined)
      throw new CooperError(
        "invalid-argument",
        `network option ${key}=${JSON.stringify(value)}: it must be ${wanted}`,
      );
  }
}
