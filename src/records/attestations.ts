/** Rows of what is attested of images ↔ values. */
import type { Database } from "bun:sqlite";
import type { Attestation } from "../oci/attestation.ts";

/** What the last build of an image said of it. */
export function attestationsOf(database: Database, imageId: string): Attestation[] {
  return database
    .query<{ predicate_type: string; predicate: string }, [string]>(
      "select predicate_type, predicate from attestation where image_id = ? order by predicate_type",
    )
    .all(imageId)
    .map((row) => ({
      predicateType: row.predicate_type,
      predicate: JSON.parse(row.predicate) as object,
    }));
}

/** Says this of an image, and nothing else any more. */
export function setAttestations(
  database: Database,
  imageId: string,
  attestations: readonly Attestation[],
): void {
  const write = database.transaction(() => {
    database.query("delete from attestation where image_id = ?").run(imageId);
    for (const { predicateType, predicate } of attestations)
      database
        .query(
          `insert into attestation (image_id, predicate_type, predicate)
           select id, ?, ? from image where id = ?`,
        )
        .run(predicateType, JSON.stringify(predicate), imageId);
  });
  write.immediate();
}
