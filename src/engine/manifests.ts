/** Verbs on manifest lists: a part of the engine, each loading its file on first use. */
import type { Host } from "../host.ts";
import type { AddOptions } from "../image/manifest-list.ts";
import type { PushListOptions } from "../image/push-list.ts";
import type { EntryChange, ManifestList } from "../oci/manifest-list.ts";
import type { AccessOptions } from "../registry/access.ts";

/** Verbs on manifest lists. */
export class Manifests {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async create(
    name: string,
    images: readonly string[],
    options: AddOptions & {
      readonly isAmending: boolean;
      readonly annotations: Readonly<Record<string, string>>;
    },
  ): Promise<ManifestList> {
    const { createManifestList } = await import("../image/manifest-list.ts");
    return createManifestList(this.host, name, images, options);
  }

  async add(name: string, images: readonly string[], options: AddOptions): Promise<ManifestList> {
    const { addToManifestList } = await import("../image/manifest-list.ts");
    return addToManifestList(this.host, name, images, options);
  }

  async annotate(
    name: string,
    image: string | null,
    options: AccessOptions & { readonly change: EntryChange; readonly subject: string | null },
  ): Promise<ManifestList> {
    const { annotateManifestList } = await import("../image/manifest-list.ts");
    return annotateManifestList(this.host, name, image, options);
  }

  async find(name: string): Promise<ManifestList | undefined> {
    return (await import("../image/manifest-list.ts")).findManifestList(this.host, name);
  }

  /** The text of a manifest or index that an image here came with. */
  async ofImage(name: string): Promise<string | undefined> {
    return (await import("../image/manifest-list.ts")).manifestHere(this.host, name);
  }

  async atRegistry(name: string, options: AccessOptions) {
    const { manifestAtRegistry } = await import("../image/manifest-list.ts");
    return manifestAtRegistry(this.host, name, options);
  }

  /** What a registry has under a name, and for which platforms. */
  async describe(name: string, options: AccessOptions) {
    return (await import("../image/at-registry.ts")).describeAtRegistry(this.host, name, options);
  }

  async push(name: string, destination: string | null, options: PushListOptions) {
    const { pushManifestList } = await import("../image/push-list.ts");
    return pushManifestList(this.host, name, destination, options);
  }

  async remove(name: string, image: string): Promise<ManifestList> {
    const { removeFromManifestList } = await import("../image/manifest-list.ts");
    return removeFromManifestList(this.host, name, image);
  }

  /** Returns the whole name. */
  async delete(name: string): Promise<string> {
    return (await import("../image/manifest-list.ts")).removeManifestList(this.host, name);
  }
}
