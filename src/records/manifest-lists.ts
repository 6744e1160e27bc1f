/** Rows of manifest lists ↔ values. */
import type { Database } from "bun:sqlite";
import type { ManifestList } from "../oci/manifest-list.ts";

/** The list of this name. */
export function getManifestList(database: Database, name: string): ManifestList | undefined {
  const row = database
    .query<{ record: string }, [string]>("select record from manifest_list where name = ?")
    .get(name);
  return row === null ? undefined : { ...(JSON.parse(row.record) as ManifestList), name };
}

/** Keeps a list, in place of one of the same name: a name stands for one thing, so an image loses it. */
export function putManifestList(database: Database, list: ManifestList): void {
  database.query("delete from reference where name = ?").run(list.name);
  database
    .query(
      `insert into manifest_list (name, record, created_at) values (?1, ?2, ?3)
       on conflict (name) do update set record = ?2`,
    )
    .run(list.name, JSON.stringify(list), Date.now());
}

/** Forgets a list; false when there is none. */
export function deleteManifestList(database: Database, name: string): boolean {
  return database.query("delete from manifest_list where name = ?").run(name).changes > 0;
}

/** Names of lists by the ids of the images here that they hold. */
export function listsByImage(database: Database): Map<string, string[]> {
  const rows = database
    .query<{ name: string; image_id: string }, []>(
      `select distinct name, json_extract(entry.value, '$.source.imageId') as image_id
       from manifest_list, json_each(record, '$.entries') entry
       where json_extract(entry.value, '$.source.kind') = 'local' order by name`,
    )
    .all();
  const names = new Map<string, string[]>();
  for (const { name, image_id: id } of rows) names.set(id, [...(names.get(id) ?? []), name]);
  return names;
}
