/** Rows of images, layers and names ↔ values. Every change is one short transaction. */
import type { Database } from "bun:sqlite";
import type { ImageConfig } from "../oci/image-config.ts";

/** An image of the store. */
export interface Image {
  /** Hex of the config's digest. */
  readonly id: string;
  /** Parsed when it is first asked for. */
  readonly config: ImageConfig;
  /** Exactly as it was. */
  readonly configText: string;
  /** `registry/repository:tag`, sorted. */
  readonly names: readonly string[];
  /** `registry/repository@sha256:…`, sorted. */
  readonly repoDigests: readonly string[];
  /** Layer ids (hex of diff IDs), lowest first. */
  readonly layers: readonly string[];
  /** Bytes of the files in its layers. */
  readonly size: number;
  /** ms; 0 when the config does not tell. */
  readonly createdAt: number;
  /** ms */
  readonly addedAt: number;
  /** `sha256:…` of the manifest it came with last; null when there was none. */
  readonly manifestDigest: string | null;
  readonly parentId: string | null;
}

interface Row {
  id: string;
  config: string;
  manifest_digest: string | null;
  size: number;
  created_at: number;
  added_at: number;
  parent_id: string | null;
  layers: string;
  names: string;
  repo_digests: string;
}

const columns = `i.*,
  (select json_group_array(layer_id) from (select layer_id from image_layer where image_id = i.id order by position)) as layers,
  (select json_group_array(name) from (select name from reference where image_id = i.id order by name)) as names,
  (select json_group_array(name) from (select name from repo_digest where image_id = i.id order by name)) as repo_digests`;

/** The image that one of the names (or `repository@digest`s) belongs to; an earlier name wins. */
export function imageByName(database: Database, names: readonly string[]): Image | undefined {
  for (const name of names) {
    const table = name.includes("@") ? "repo_digest" : "reference";
    const row = database
      .query<Row, [string]>(
        `select ${columns} from ${table} r join image i on i.id = r.image_id where r.name = ?`,
      )
      .get(name);
    if (row !== null) return toImage(row);
  }
  return undefined;
}

/** Images whose id begins like that; at most three. */
export function imagesByPrefix(database: Database, prefix: string): Image[] {
  return database
    .query<Row, [string, string]>(
      `select ${columns} from image i where i.id >= ? and i.id < ? limit 3`,
    )
    .all(prefix, `${prefix}g`)
    .map(toImage);
}

/** Images with a name whose last part is this `repository:tag`, whatever stands before; at most two. */
export function imagesBySuffix(database: Database, suffix: string): Image[] {
  return database
    .query<Row, [string, number]>(
      `select ${columns} from image i
       where i.id in (select image_id from reference where substr(name, -?2) = ?1) limit 2`,
    )
    .all(`/${suffix}`, suffix.length + 1)
    .map(toImage);
}

/** The images that a manifest of this digest led to: several where it is an index. */
export function imagesByManifest(database: Database, digest: string): Image[] {
  return database
    .query<Row, [string]>(
      `select ${columns} from manifest m join image i on i.id = m.image_id where m.digest = ?`,
    )
    .all(digest)
    .map(toImage);
}

/** One of imagesByManifest(). */
export function imageByManifest(database: Database, digest: string): Image | undefined {
  return imagesByManifest(database, digest)[0];
}

/** All images, newest first. */
export function listImages(database: Database): Image[] {
  return database
    .query<Row, []>(
      `select ${columns} from image i order by i.created_at desc, i.added_at desc, i.id`,
    )
    .all()
    .map(toImage);
}

/** JSON is only parsed when it is asked for: `images` of a thousand reads columns. */
function toImage(row: Row): Image {
  let config: ImageConfig | undefined;
  return {
    id: row.id,
    get config() {
      config ??= JSON.parse(row.config) as ImageConfig;
      return config;
    },
    configText: row.config,
    names: JSON.parse(row.names) as string[],
    repoDigests: JSON.parse(row.repo_digests) as string[],
    layers: JSON.parse(row.layers) as string[],
    size: row.size,
    createdAt: row.created_at,
    addedAt: row.added_at,
    manifestDigest: row.manifest_digest,
    parentId: row.parent_id,
  };
}

/** A manifest or index as it was. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly text: string;
}

/** What led to an image, oldest first. */
export function manifestsOf(database: Database, imageId: string): StoredManifest[] {
  return database
    .query<{ digest: string; media_type: string; text: string }, [string]>(
      "select digest, media_type, text from manifest where image_id = ? order by rowid",
    )
    .all(imageId)
    .map((row) => ({ digest: row.digest, mediaType: row.media_type, text: row.text }));
}

/** Notes a manifest by which an image is known elsewhere; nothing when it is known, or the image gone. */
export function addManifest(database: Database, imageId: string, manifest: StoredManifest): void {
  database
    .query(
      `insert or ignore into manifest (digest, image_id, media_type, text)
       select ?, id, ?, ? from image where id = ?`,
    )
    .run(manifest.digest, manifest.mediaType, manifest.text, imageId);
}

/** Puts the right text of a manifest in the place of a damaged or missing one. */
export function replaceManifest(
  database: Database,
  imageId: string,
  manifest: StoredManifest,
): void {
  database
    .query(
      `insert into manifest (digest, image_id, media_type, text) select ?, id, ?, ? from image where id = ?
       on conflict do update set media_type = excluded.media_type, text = excluded.text`,
    )
    .run(manifest.digest, manifest.mediaType, manifest.text, imageId);
}

/** Puts the right text of a configuration in the place of a damaged one. */
export function replaceConfig(database: Database, imageId: string, text: string): void {
  database.query("update image set config = ? where id = ?").run(text, imageId);
}

/** A container that was made from an image. */
export interface ImageUser {
  readonly id: string;
  readonly name: string;
}

/** The containers of an image. */
export function containersOf(database: Database, imageId: string): ImageUser[] {
  return database
    .query<ImageUser, [string]>(
      "select id, name from container where image_id = ? order by created_at",
    )
    .all(imageId);
}

/** Ids of all images that containers were made from, each with how many. */
export function containerCounts(database: Database): Map<string, number> {
  const rows = database
    .query<{ image_id: string; count: number }, []>(
      "select image_id, count(*) as count from container where image_id is not null group by image_id",
    )
    .all();
  return new Map(rows.map((row) => [row.image_id, row.count]));
}

/** Ids of images that others were built or committed from. */
export function childrenOf(database: Database, imageId: string): string[] {
  return database
    .query<{ id: string }, [string]>("select id from image where parent_id = ?")
    .all(imageId)
    .map((row) => row.id);
}

/** Gives an image a name, taking it from whichever image or manifest list has it; returns the id of that image. */
export function setReference(
  database: Database,
  name: string,
  imageId: string,
): string | undefined {
  const had = database
    .query<{ image_id: string }, [string]>("select image_id from reference where name = ?")
    .get(name);
  database
    .query("insert or replace into reference (name, image_id) values (?, ?)")
    .run(name, imageId);
  database.query("delete from manifest_list where name = ?").run(name);
  return had?.image_id === imageId ? undefined : had?.image_id;
}

/** Takes a name away; false when there is no such name. */
export function deleteReference(database: Database, name: string): boolean {
  return database.query("delete from reference where name = ?").run(name).changes > 0;
}

/** Notes a `repository@digest` by which an image is known. */
export function addRepoDigest(database: Database, name: string, imageId: string): void {
  database
    .query("insert or replace into repo_digest (name, image_id) values (?, ?)")
    .run(name, imageId);
}

/** Forgets the `repository@digest`s of an image, unless it still has a name in that repository. */
export function forgetRepository(database: Database, repository: string, imageId: string): void {
  database
    .query(
      `delete from repo_digest where image_id = ?1 and substr(name, 1, ?3) = ?2 || '@' and not exists
       (select 1 from reference where image_id = ?1 and substr(name, 1, ?3) = ?2 || ':' and instr(substr(name, ?3 + 1), '/') = 0)`,
    )
    .run(imageId, repository, repository.length + 1);
}

/** Notes that something is done with an image now. */
export function touchImage(database: Database, imageId: string): void {
  database
    .query(
      "insert or replace into image_use (image_id, used_at) select id, ? from image where id = ?",
    )
    .run(Date.now(), imageId);
}

/** When images were last used, in ms; those that never were are missing. */
export function imageUses(database: Database): Map<string, number> {
  const rows = database
    .query<{ image_id: string; used_at: number }, []>("select image_id, used_at from image_use")
    .all();
  return new Map(rows.map((row) => [row.image_id, row.used_at]));
}

/** Forgets an image with its names; its layers stay until deleteUnusedLayers(). */
export function deleteImage(database: Database, imageId: string): void {
  database.query("delete from image where id = ?").run(imageId);
}
