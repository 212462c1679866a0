// Does something soon, and not more often than every so many milliseconds, however often it is asked to.

/** The first call begins at once; calls during the pause, or while it is at work, lead to one more at the end. */
export function createThrottle(work: () => Promise<void>, pauseMs: number): () => void {
  let isBusy = false;
  let isWanted = false;
  const go = async (): Promise<void> => {
    isBusy = true;
    isWanted = false;
    await work();
    setTimeout(() => {
      isBusy = false;
      if (isWanted) void go();
    }, pauseMs);
  };
  return () => {
    if (isBusy) isWanted = true;
    else void go();
  };
}
