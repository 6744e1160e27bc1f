/** Mounts of a container, as Docker shows them. Pure. */
import type { ContainerRecord } from "../../container/record.ts";
import type { Mount } from "../../container/spec.ts";

/** The list `Mounts`: what there is, whoever asked for it. */
export function mountPoints(
  { spec }: Pick<ContainerRecord, "spec">,
  volumePath: (name: string) => string,
): Record<string, unknown>[] {
  return spec.mounts.flatMap((mount): Record<string, unknown>[] => {
    const common = { Destination: mount.target, RW: !mount.readOnly };
    if (mount.kind === "bind") {
      return [
        {
          Type: "bind",
          Source: mount.source,
          ...common,
          Mode: modeOf(mount),
          Propagation: mount.propagation ?? "rprivate",
        },
      ];
    }
    if (mount.kind === "volume") {
      const name = mount.name ?? "";
      return [
        {
          Type: "volume",
          Name: name,
          Source: volumePath(name),
          ...common,
          Driver: "local",
          Mode: modeOf(mount),
          Propagation: "",
        },
      ];
    }
    if (mount.kind === "image")
      return [{ Type: "image", Source: mount.image, ...common, Mode: "", Propagation: "" }];
    return [];
  });
}

/** What stood behind the last colon of `-v`. */
function modeOf(mount: Extract<Mount, { kind: "bind" | "volume" }>): string {
  const words = [...(mount.readOnly ? ["ro"] : []), ...mount.options];
  if (mount.kind === "bind") {
    if (mount.relabel !== null) words.push(mount.relabel === "shared" ? "z" : "Z");
    if (mount.propagation !== null) words.push(mount.propagation);
  } else if (!mount.copiesUp) words.push("nocopy");
  if (mount.changesOwner) words.push("U");
  if (mount.isOverlay) words.push("O");
  return words.join(",");
}

/** `HostConfig.Binds`: what was asked for by `-v`, as it was asked. */
export function bindsOf({ spec, resolved }: Pick<ContainerRecord, "spec" | "resolved">): string[] {
  return spec.mounts.flatMap((mount) => {
    if (mount.kind === "bind") {
      if (!mount.createsSource) return [];
      return [joined(mount.source, mount.target, modeOf(mount))];
    }
    if (mount.kind !== "volume" || isOfMount(mount)) return [];
    const isAnonymous = resolved.volumes.some(
      (volume) => volume.target === mount.target && volume.isAnonymous,
    );
    return isAnonymous ? [] : [joined(mount.name ?? "", mount.target, modeOf(mount))];
  });
}

const joined = (...parts: string[]) => parts.filter((part) => part !== "").join(":");

/** What only `--mount` can say. */
function isOfMount(mount: Extract<Mount, { kind: "volume" }>): boolean {
  return (
    mount.driver !== null ||
    mount.subpath !== null ||
    Object.keys(mount.labels).length + Object.keys(mount.driverOptions).length > 0
  );
}

/** `HostConfig.Mounts`: what was asked for by `--mount`. */
export function askedMounts({ spec }: Pick<ContainerRecord, "spec">): Record<string, unknown>[] {
  return spec.mounts.flatMap((mount): Record<string, unknown>[] => {
    const common = { Target: mount.target, ...(mount.readOnly && { ReadOnly: true }) };
    if (mount.kind === "bind" && !mount.createsSource) {
      return [
        {
          Type: "bind",
          Source: mount.source,
          ...common,
          ...(mount.propagation !== null && { BindOptions: { Propagation: mount.propagation } }),
        },
      ];
    }
    if (mount.kind === "volume" && isOfMount(mount)) {
      return [
        {
          Type: "volume",
          Source: mount.name ?? "",
          ...common,
          VolumeOptions: {
            ...(!mount.copiesUp && { NoCopy: true }),
            Labels: mount.labels,
            ...(mount.subpath !== null && { Subpath: mount.subpath }),
            ...(mount.driver !== null && {
              DriverConfig: { Name: mount.driver, Options: mount.driverOptions },
            }),
          },
        },
      ];
    }
    return mount.kind === "image" ? [{ Type: "image", Source: mount.image, ...common }] : [];
  });
}

/** `HostConfig.Tmpfs`: all that there are, by whichever option they were asked for; null where there is none. */
export function askedTmpfs({ spec }: Pick<ContainerRecord, "spec">): Record<string, string> | null {
  const all = spec.mounts.flatMap((mount): [string, string][] =>
    mount.kind === "tmpfs"
      ? [[mount.target, [...mount.options, ...(mount.readOnly ? ["ro"] : [])].join(",")]]
      : [],
  );
  return all.length === 0 ? null : Object.fromEntries(all);
}
