// What went wrong, where it went wrong: the rest of the page goes on.
import { Component, type ComponentChildren } from "preact";
import type { ApiError } from "../lib/api.ts";

export function Failed({ error, again }: { error: ApiError; again: () => void }) {
  const id = error.problem?.request_id;
  return (
    <div class="failed" role="alert">
      <b>{error.message}</b>
      <span class="dim">
        {error.status ? ` Status ${error.status}` : ""}{id ? ` · request ${id}` : ""} {error.problem?.advice ?? ""}
      </span>
      <button onClick={again}>Retry</button>
    </div>
  );
}

/** A fault of ours stays in its panel. */
export class Guarded extends Component<{ name: string; children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    if (!error) return <>{this.props.children}</>;
    return (
      <div class="failed" role="alert">
        <b>{this.props.name} cannot be shown</b> <span class="dim">{error.message}</span>
        <button onClick={() => this.setState({ error: null })}>Retry</button>
      </div>
    );
  }
}
