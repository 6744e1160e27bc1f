/** What `info` shows, under the names that scripts of both peers ask for. */
import { dockerInfo } from "../api/docker/info.ts";
import { podmanInfo } from "../api/libpod/info.ts";
import type { EngineInfo } from "../store/info.ts";

/**
 * podman-info(1)'s document, and beside it the fields of docker-info(1). Templates name Podman's fields
 * as its Go structs do (`.Host.OCIRuntime.Name`), and JSON as it encodes them (`ociRuntime`): the former
 * are there for whoever asks, and are not listed.
 */
export function infoDocument(info: EngineInfo): Record<string, unknown> {
  const document = { ...podmanInfo(info), ...dockerInfo(info) };
  for (const name of ["host", "store", "version", "registries"] as const) {
    const value = goNamed(document[name]);
    Object.defineProperty(document, goName(name), { value, enumerable: false });
  }
  return document;
}

/** Names of Podman's fields that do not follow from those in JSON by a capital letter. */
const goNames: Readonly<Record<string, string>> = {
  os: "OS",
  cpus: "CPUs",
  cgroupVersion: "CgroupsVersion",
  idMappings: "IDMappings",
  gidmap: "GIDMap",
  uidmap: "UIDMap",
  ociRuntime: "OCIRuntime",
  apparmorEnabled: "AppArmorEnabled",
  capabilities: "DefaultCapabilities",
  seccompEnabled: "SECCOMPEnabled",
  seccompProfilePath: "SECCOMPProfilePath",
  selinuxEnabled: "SELinuxEnabled",
};

const goName = (name: string): string =>
  goNames[name] ?? `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** The same value with the names of Go's structs; maps of texts keep their keys. */
function goNamed(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      goName(name),
      name === "graphStatus" || name === "graphOptions" ? field : goNamed(field),
    ]),
  );
}
