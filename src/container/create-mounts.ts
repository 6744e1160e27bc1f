/** The mounts that a container gets without naming them: the image's VOLUMEs, and those of --volumes-from. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { resolveContainer } from "../records/containers.ts";
import type { ContainerSpec, Mount } from "./spec.ts";

/** Adds the volumes and binds of the containers that --volumes-from names; the spec's own come first. */
export async function inheritVolumes(host: Host, spec: ContainerSpec): Promise<void> {
  for (const text of spec.volumesFrom) {
    const [name = "", flags = ""] = text.split(":", 2);
    const options = flags === "" ? [] : flags.split(",");
    const unknown = options.find((option) => !["ro", "rw", "z", "Z"].includes(option));
    if (unknown !== undefined) {
      throw new CooperError(
        "invalid-argument",
        `--volumes-from ${text}: unknown option "${unknown}"`,
      );
    }
    const source = resolveContainer(host.database, name);
    for (const mount of source.spec.mounts) {
      if (mount.kind !== "bind" && mount.kind !== "volume") continue;
      if (spec.mounts.some(({ target }) => target === mount.target)) continue;
      const copy: Mount = {
        ...mount,
        readOnly: options.includes("ro") || (mount.readOnly && !options.includes("rw")),
      };
      spec.mounts.push(copy);
    }
  }
}

/** Gives each VOLUME of the image that nothing else is mounted on an anonymous volume, or a tmpfs. */
export function withImageVolumes(host: Host, spec: ContainerSpec, image: ImageConfig | null): void {
  const mode = spec.imageVolumes ?? host.settings.imageVolumeMode;
  if (mode === "ignore") return;
  for (const declared of Object.keys(image?.config?.Volumes ?? {})) {
    const target = normalized(declared);
    if (target === undefined || spec.mounts.some((mount) => mount.target === target)) continue;
    const common = { target, readOnly: false, options: [] };
    spec.mounts.push(
      mode === "tmpfs"
        ? { ...common, kind: "tmpfs", copiesUp: true }
        : {
            ...common,
            kind: "volume",
            name: null,
            copiesUp: true,
            changesOwner: false,
            driver: null,
            driverOptions: {},
            labels: {},
            isOverlay: false,
            overlay: null,
            idmap: null,
            subpath: null,
          },
    );
  }
}

/** An image is not to be trusted: what is no absolute path below the root is no volume. */
function normalized(path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (!path.startsWith("/") || parts.length === 0 || parts.includes("..") || path.includes("\0"))
    return undefined;
  return `/${parts.join("/")}`;
}
