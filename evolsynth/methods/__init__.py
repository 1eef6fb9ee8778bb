"""The methods: one async generator each."""
