/** Rows of layers, and the one transaction by which an image comes to be. */
import type { Database } from "bun:sqlite";
import { addRepoDigest, type StoredManifest, setReference } from "./images.ts";

/** A layer of the store. */
export interface LayerRecord {
  /** Hex of the diff ID. */
  readonly id: string;
  readonly size: number;
  readonly tarSize: number;
  readonly isExact: boolean;
}

/** A form in which a layer was unpacked and verified. */
export interface LayerBlob {
  readonly digest: string;
  readonly size: number;
  readonly compression: "none" | "gzip" | "zstd";
}

interface Row {
  id: string;
  size: number;
  tar_size: number;
  is_exact: number;
}

/** The layer with this id, if it is in the store. */
export function getLayer(database: Database, id: string): LayerRecord | undefined {
  const row = database
    .query<Row, [string]>("select id, size, tar_size, is_exact from layer where id = ?")
    .get(id);
  return row === null ? undefined : toLayer(row);
}

/** The layer that a blob of this digest was seen to hold. */
export function layerOfBlob(database: Database, digest: string): LayerRecord | undefined {
  const row = database
    .query<Row, [string]>(
      "select l.id, l.size, l.tar_size, l.is_exact from layer_blob b join layer l on l.id = b.layer_id where b.digest = ?",
    )
    .get(digest);
  return row === null ? undefined : toLayer(row);
}

/** The forms in which a layer was seen. */
export function blobsOfLayer(database: Database, layerId: string): LayerBlob[] {
  return database
    .query<LayerBlob, [string]>(
      "select digest, size, compression from layer_blob where layer_id = ? order by digest",
    )
    .all(layerId);
}

/** Notes a form that was made of a layer here; nothing when it is known, or the layer gone. */
export function addLayerBlob(database: Database, layerId: string, blob: LayerBlob): void {
  database
    .query(
      `insert or ignore into layer_blob (digest, layer_id, size, compression)
       select ?, id, ?, ? from layer where id = ?`,
    )
    .run(blob.digest, blob.size, blob.compression, layerId);
}

/** `registry/repository`s in which images with a layer are known to be; at most a hundred. */
export function repositoriesOfLayer(database: Database, layerId: string): string[] {
  return database
    .query<{ repository: string }, [string]>(
      `select distinct substr(r.name, 1, instr(r.name, '@') - 1) as repository
       from image_layer il join repo_digest r on r.image_id = il.image_id where il.layer_id = ? limit 100`,
    )
    .all(layerId)
    .map((row) => row.repository);
}

/** Layers of an image, lowest first. */
export function layersOfImage(database: Database, imageId: string): LayerRecord[] {
  return database
    .query<Row, [string]>(
      `select l.id, l.size, l.tar_size, l.is_exact from image_layer il join layer l on l.id = il.layer_id
       where il.image_id = ? order by il.position`,
    )
    .all(imageId)
    .map(toLayer);
}

/** Bytes of the files in the layers of a container's image. */
export function layersSize(database: Database, containerId: string): number {
  const row = database
    .query<{ size: number }, [string]>(
      "select coalesce(sum(size), 0) as size from layer join container_layer on layer_id = id where container_id = ?",
    )
    .get(containerId);
  return row?.size ?? 0;
}

/** Ids of all layers. */
export function allLayerIds(database: Database): Set<string> {
  return new Set(
    database
      .query<{ id: string }, []>("select id from layer")
      .all()
      .map((row) => row.id),
  );
}

function toLayer(row: Row): LayerRecord {
  return { id: row.id, size: row.size, tarSize: row.tar_size, isExact: row.is_exact !== 0 };
}

/** An image as it gets its rows. */
export interface NewImage {
  readonly id: string;
  readonly configText: string;
  readonly createdAt: number;
  readonly parentId: string | null;
  /** The image's own manifest last; an index that led to it before that. */
  readonly manifests: readonly StoredManifest[];
  /** Lowest first. */
  readonly layers: readonly string[];
  readonly names: readonly string[];
  readonly repoDigests: readonly string[];
}

/** Adds layers; those that are there already stay as they are. */
export function insertLayer(
  database: Database,
  layer: LayerRecord,
  blobs: readonly LayerBlob[],
): void {
  database
    .query(
      "insert or ignore into layer (id, size, tar_size, is_exact, created_at) values (?, ?, ?, ?, ?)",
    )
    .run(layer.id, layer.size, layer.tarSize, layer.isExact ? 1 : 0, Date.now());
  for (const blob of blobs) {
    database
      .query(
        "insert or ignore into layer_blob (digest, layer_id, size, compression) values (?, ?, ?, ?)",
      )
      .run(blob.digest, layer.id, blob.size, blob.compression);
  }
}

/** Adds an image with its names; one that is there already gets the names and manifests on top. */
export function insertImage(database: Database, image: NewImage): void {
  const own = image.manifests.at(-1)?.digest ?? null;
  database
    .query(
      `insert into image (id, config, manifest_digest, size, created_at, added_at, parent_id)
       values (?1, ?2, ?3, (select coalesce(sum(l.size), 0) from json_each(?4) j join layer l on l.id = j.value), ?5, ?6, ?7)
       on conflict (id) do update set manifest_digest = coalesce(?3, manifest_digest), parent_id = coalesce(parent_id, ?7)`,
    )
    .run(
      image.id,
      image.configText,
      own,
      JSON.stringify(image.layers),
      image.createdAt,
      Date.now(),
      image.parentId,
    );
  const stack = database.query(
    "insert or ignore into image_layer (image_id, position, layer_id) values (?, ?, ?)",
  );
  image.layers.forEach((layer, position) => {
    stack.run(image.id, position, layer);
  });
  for (const manifest of image.manifests) {
    database
      .query(
        "insert or ignore into manifest (digest, image_id, media_type, text) values (?, ?, ?, ?)",
      )
      .run(manifest.digest, image.id, manifest.mediaType, manifest.text);
  }
  for (const name of image.names) setReference(database, name, image.id);
  for (const name of image.repoDigests) addRepoDigest(database, name, image.id);
}

/** Forgets layers that neither image, container nor build cache holds; their files are then rubbish. */
export function deleteUnusedLayers(database: Database): number {
  return database
    .query(
      `delete from layer where not exists (select 1 from image_layer where layer_id = layer.id)
       and not exists (select 1 from container_layer where layer_id = layer.id)
       and not exists (select 1 from build_cache where layer_id = layer.id)`,
    )
    .run().changes;
}

/** What layers take on the disk, as far as it was measured, by id. */
export function measuredLayers(database: Database): Map<string, number | null> {
  const rows = database
    .query<{ id: string; disk_bytes: number | null }, []>("select id, disk_bytes from layer")
    .all();
  return new Map(rows.map((row) => [row.id, row.disk_bytes]));
}

/** Notes what layers take on the disk: they never change. */
export function setMeasured(database: Database, bytes: ReadonlyMap<string, number>): void {
  const set = database.query("update layer set disk_bytes = ? where id = ?");
  const all = database.transaction(() => {
    for (const [id, diskBytes] of bytes) set.run(diskBytes, id);
  });
  all.immediate();
}

/** Ids of the layers that images or containers hold, by who holds them. */
export function heldLayers(
  database: Database,
  holder: "image" | "container",
): { holder: string; layer: string }[] {
  return database
    .query<{ holder: string; layer: string }, []>(
      `select distinct ${holder}_id as holder, layer_id as layer from ${holder}_layer`,
    )
    .all();
}
