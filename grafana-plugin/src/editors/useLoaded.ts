import { useEffect, useState } from 'react';

/** What a promise brings, and why it did not. It is asked again when a dependency changes. */
export function useLoaded<T>(
  load: () => Promise<T>,
  initial: T,
  dependencies: unknown[]
): { value: T; error?: string } {
  const [state, setState] = useState<{ value: T; error?: string }>({ value: initial });
  useEffect(() => {
    let current = true;
    load().then(
      (value) => current && setState({ value }),
      (error) => current && setState({ value: initial, error: error?.data?.message ?? error?.message ?? String(error) })
    );
    return () => {
      current = false;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, dependencies);
  return state;
}
