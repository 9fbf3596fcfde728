"""What gateways report, in whatever form it comes: read exactly, one item at a time.

A form is a way of writing the same two things, `UsageRecorded` and `UsageCorrected`: plain objects,
CloudEvents, and the payloads of LiteLLM's `generic_api` callback. An item that cannot be booked
says which field is wrong, and never stands in the way of the others.
"""
