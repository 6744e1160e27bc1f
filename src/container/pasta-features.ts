/** What the pasta of this host can do, remembered as long as it is the same file. */
import { statSync } from "node:fs";
import type { Host } from "../host.ts";
import { type PastaFeatures, probePasta } from "../network/pasta.ts";
import { needProgram } from "../system/program.ts";

/** Asks pasta itself the first time, and again after it was replaced. */
export function pastaFeatures(host: Host): PastaFeatures {
  const file = needProgram("pasta");
  const { size, mtimeMs } = statSync(file);
  const key = `${file} ${size} ${mtimeMs}`;
  const fact = host.database
    .query<{ value: string }, []>("select value from fact where name = 'pasta'")
    .get()?.value;
  const known = fact === undefined ? undefined : (JSON.parse(fact) as PastaFact);
  if (known?.key === key) return known.features;
  const features = probePasta(file);
  host.database
    .query("insert or replace into fact (name, value) values ('pasta', ?)")
    .run(JSON.stringify({ key, features } satisfies PastaFact));
  return features;
}

interface PastaFact {
  readonly key: string;
  readonly features: PastaFeatures;
}
