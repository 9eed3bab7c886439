"""One execution: takes messages, holds their leases, calls the handler."""
