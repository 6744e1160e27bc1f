export function progressOnStderr() {
  return () => undefined;
}
