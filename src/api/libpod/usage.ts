/** What takes the space, as Podman shows it. Pure. */
import type { PrunedStore } from "../../store/prune.ts";
import type { ContainerUsage, ImageUsage, StoreUsage } from "../../store/usage.ts";

type Json = Readonly<Record<string, unknown>>;

/** `/system/df`. */
export function usageReport({ images, containers, volumes }: StoreUsage): Json {
  const imageBytes = new Map(images.items.map(({ summary, bytes }) => [summary.image.id, bytes]));
  return {
    ImagesSize: images.bytes,
    Images: images.items.flatMap(imageRows),
    Containers: containers.items.map((item) => containerRow(item, imageBytes)),
    Volumes: volumes.items.map(({ name, links, bytes }) => ({
      VolumeName: name,
      Links: links,
      Size: bytes,
      ReclaimableSize: links === 0 ? bytes : 0,
    })),
  };
}

function imageRows({ summary, bytes, sharedBytes }: ImageUsage): Json[] {
  return summary.rows.map(({ repository, tag }) => ({
    Repository: repository,
    Tag: tag,
    ImageID: summary.image.id,
    Created: new Date(summary.image.createdAt || summary.image.addedAt).toISOString(),
    Size: bytes,
    SharedSize: sharedBytes,
    UniqueSize: bytes - sharedBytes,
    Containers: summary.containers,
  }));
}

function containerRow(
  { summary, bytes }: ContainerUsage,
  imageBytes: ReadonlyMap<string, number>,
): Json {
  const { record } = summary;
  return {
    ContainerID: record.id,
    Image: record.imageId ?? "",
    Command: summary.command,
    LocalVolumes: record.spec.mounts.filter(({ kind }) => kind === "volume").length,
    Size: bytes + (imageBytes.get(record.imageId ?? "") ?? 0),
    RWSize: bytes,
    Created: new Date(record.createdAt).toISOString(),
    Status: summary.state,
    Names: record.name,
  };
}

const orNull = <T>(list: readonly T[]) => (list.length > 0 ? list : null);

/** `/system/prune`. */
export function pruneReport(pruned: PrunedStore): Json {
  const { containers, networks, volumes, images } = pruned;
  const size = (id: string, bytes: number) => ({ Id: id, Size: bytes });
  return {
    PodPruneReport: null,
    ContainerPruneReports: orNull(
      containers.ids.map((id) => size(id, containers.bytes.get(id) ?? 0)),
    ),
    // what an image took is known for all of them together
    ImagePruneReports: orNull(
      images.deleted.map((id, at) => size(id, at === 0 ? images.reclaimedBytes : 0)),
    ),
    NetworkPruneReports: orNull(networks.map((name) => ({ Name: name, Error: null }))),
    VolumePruneReports: orNull(volumes.names.map((name, at) => size(name, volumes.sizes[at] ?? 0))),
    ReclaimedSpace: pruned.reclaimedBytes,
  };
}
