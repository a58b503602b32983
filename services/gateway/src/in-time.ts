/** What the promise comes to, or `late`. It goes on by itself then, and its rejection is nobody's fault any more. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
