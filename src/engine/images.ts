/** Verbs on images, each loading its file on first use. */
import type { Host } from "../host.ts";
import type { FetchOptions } from "../image/for-container.ts";
import type { HistoryStep } from "../image/history.ts";
import type { ImportOptions } from "../image/import.ts";
import type { ImageSummary, ListOptions } from "../image/list.ts";
import type { LoadedImage, LoadOptions } from "../image/load.ts";
import type { LocationOptions } from "../image/load-location.ts";
import type { MountedImage } from "../image/mount.ts";
import type { PrunedImages, PruneOptions } from "../image/prune.ts";
import type { PulledImage, PullOptions } from "../image/pull.ts";
import type { PushedImage, PushOptions } from "../image/push.ts";
import type { PushLocationOptions } from "../image/push-location.ts";
import type { RemovedImage, RemoveOptions as RemoveImageOptions } from "../image/remove.ts";
import type { SavedImage, SaveOptions } from "../image/save.ts";
import type { Sbom } from "../image/sbom/sbom.ts";
import type { ScpOptions } from "../image/scp.ts";
import type { TrustChange, TrustRow } from "../image/trust/show.ts";
import type { SignOptions } from "../image/trust/sign.ts";
import type { Change } from "../layer/changes.ts";
import type { Digest } from "../oci/digest.ts";
import type { ImageLocation } from "../oci/location.ts";
import type { Image } from "../records/images.ts";

/** Verbs on images. */
export class Images {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async load(options: LoadOptions): Promise<LoadedImage[]> {
    return (await import("../image/load.ts")).loadImages(this.host, options);
  }

  /** What a client sends, as a file while it is used. */
  async withUpload<T>(
    bytes: AsyncIterable<Uint8Array>,
    use: (file: string) => Promise<T>,
  ): Promise<T> {
    return (await import("../image/upload.ts")).withUpload(this.host, bytes, use);
  }

  async save(names: readonly string[], options: SaveOptions): Promise<SavedImage[]> {
    return (await import("../image/save.ts")).saveImages(this.host, names, options);
  }

  /** From one store into another, as `image scp` names them; null: into this one. */
  async copyBetweenStores(from: string, to: string | null, options: ScpOptions): Promise<void> {
    return (await import("../image/scp.ts")).copyBetweenStores(this.host, from, to, options);
  }

  /** What software it holds. */
  async sbom(name: string): Promise<Sbom> {
    return (await import("../image/sbom/sbom.ts")).imageSbom(this.host, name);
  }

  /** Writes an image to a place that is no registry; resolves to the digest of its manifest there. */
  async pushTo(
    name: string,
    location: ImageLocation,
    options: PushLocationOptions,
  ): Promise<Digest> {
    const { pushToLocation } = await import("../image/push-location.ts");
    return pushToLocation(this.host, name, location, options);
  }

  async loadFrom(location: ImageLocation, options: LocationOptions): Promise<LoadedImage[]> {
    return (await import("../image/load-location.ts")).loadLocation(this.host, location, options);
  }

  async pull(name: string, options: PullOptions): Promise<PulledImage> {
    return (await import("../image/pull.ts")).pullImage(this.host, name, options);
  }

  async push(name: string, destination: string | null, options: PushOptions): Promise<PushedImage> {
    return (await import("../image/push-image.ts")).pushNamed(
      this.host,
      name,
      destination,
      options,
    );
  }

  async pushAllTags(name: string, options: PushOptions): Promise<PushedImage[]> {
    return (await import("../image/push-image.ts")).pushAllTags(this.host, name, options);
  }

  async pullAllTags(name: string, options: PullOptions): Promise<PulledImage[]> {
    return (await import("../image/pull.ts")).pullAllTags(this.host, name, options);
  }

  async import(options: ImportOptions): Promise<Image> {
    return (await import("../image/import.ts")).importImage(this.host, options);
  }

  async exists(name: string): Promise<boolean> {
    return (await import("../image/resolve.ts")).findImage(this.host, name) !== undefined;
  }

  /** Its full name and its labels; pulled where it is missing. */
  async labels(
    name: string,
    fetch: FetchOptions,
  ): Promise<{ name: string; labels: Readonly<Record<string, string>> }> {
    const { ensureImage } = await import("../image/for-container.ts");
    const found = await ensureImage(this.host, name, { ...fetch, pull: "missing" });
    return { name: found.name, labels: found.image.config.config?.Labels ?? {} };
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("../image/inspect.ts")).inspectImage(this.host, name);
  }

  async list(options: ListOptions): Promise<ImageSummary[]> {
    return (await import("../image/list.ts")).listImages(this.host, options);
  }

  async history(name: string): Promise<HistoryStep[]> {
    return (await import("../image/history.ts")).imageHistory(this.host, name);
  }

  /** Its files, to be looked at: a directory. */
  async mount(name: string): Promise<MountedImage> {
    return (await import("../image/mount.ts")).mountImage(this.host, name);
  }

  /** Resolves to its id. */
  async unmount(name: string): Promise<string> {
    return (await import("../image/mount.ts")).unmountImage(this.host, name);
  }

  async mounted(): Promise<MountedImage[]> {
    return (await import("../image/mount.ts")).mountedImages(this.host);
  }

  /** What its last layer changes; or how to get to it from another image. */
  async changes(name: string, other: string | null): Promise<Change[]> {
    return (await import("../image/diff.ts")).imageChanges(this.host, name, other);
  }

  /** Its layers, and which images end where, as lines to be read. */
  async treeText(name: string, options: { readonly whatRequires: boolean }): Promise<string> {
    return (await import("../image/image-tree.ts")).imageTreeText(this.host, name, options);
  }

  async tag(name: string, names: readonly string[]): Promise<void> {
    (await import("../image/tag.ts")).tagImage(this.host, name, names);
  }

  async untag(name: string, names: readonly string[]): Promise<string[]> {
    return (await import("../image/tag.ts")).untagImage(this.host, name, names);
  }

  async remove(name: string, options: RemoveImageOptions): Promise<RemovedImage> {
    return (await import("../image/remove.ts")).removeImage(this.host, name, options);
  }

  async prune(options: PruneOptions): Promise<PrunedImages> {
    return (await import("../image/prune.ts")).pruneImages(this.host, options);
  }

  /** Resolves to the files of the signatures. */
  async sign(name: string, options: SignOptions): Promise<string[]> {
    return (await import("../image/trust/sign.ts")).signImage(this.host, name, options);
  }

  /** What the signature policy says, its default first. */
  async trust(signaturePolicy?: string): Promise<TrustRow[]> {
    const { loadRegistriesD } = await import("../image/trust/registries-d.ts");
    const conf = loadRegistriesD(process.env, this.host.isRootless);
    return (await import("../image/trust/show.ts")).trustRows(signaturePolicy, conf);
  }

  /** The policy file as it is; undefined: there is none. */
  async trustText(signaturePolicy?: string): Promise<string | undefined> {
    return (await import("../image/trust/show.ts")).policyText(signaturePolicy)?.text;
  }

  /** Resolves to the file that was written. */
  async setTrust(change: TrustChange): Promise<string> {
    return (await import("../image/trust/show.ts")).setTrust(change);
  }

  /** All names, for completion. */
  async names(): Promise<string[]> {
    const { listImages } = await import("../records/images.ts");
    return listImages(this.host.database).flatMap((image) => image.names);
  }
}
