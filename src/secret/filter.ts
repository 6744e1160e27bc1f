/** Filters of `secret ls`: podman-secret-ls(1), docker-secret-ls(1). */
import { type FilterTests, filterBy, filterPattern, hasPair } from "../filter.ts";
import type { SecretRecord } from "../records/secrets.ts";

const tests: FilterTests<SecretRecord> = {
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => filterPattern(value).test(name),
  driver: ({ driver }, value) => driver === value,
  label: ({ labels }, value) => hasPair(labels, value),
};

/** @throws CooperError invalid-argument */
export function secretFilter(filters: readonly string[]): (secret: SecretRecord) => boolean {
  return filterBy(filters, tests);
}
