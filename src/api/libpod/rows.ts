/** Kinds of rows that the fields of libpod's bodies are. Pure. */
import { nonZero, plainTexts, type Row } from "../spec-rows.ts";

/** What its JSON says, as a text or list of texts, or a map as `KEY=VALUE`. */
export const plain = (path: string, flag: string): Row => [
  path,
  flag,
  (at, name) => plainTexts(at.value(name), false, path),
];
/** A switch. */
export const flag = (path: string, option: string): Row => [
  path,
  option,
  (at, name) => plainTexts(at.boolean(name), true, path),
];
/** 0: it was not asked for. */
export const number = (path: string, option: string): Row => [
  path,
  option,
  (at, name) => nonZero(at.number(name)),
];
/** An option of `--security-opt`, or of `--log-opt`. */
export const keyed = (path: string, option: string, key: string): Row => [
  path,
  option,
  (at, name) => plainTexts(at.value(name), false, path).map((text) => `${key}=${text}`),
];
