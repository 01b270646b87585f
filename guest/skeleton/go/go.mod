module skeleton

go 1.24

require lockstep/sdk v0.0.0

// `lockstep guest build` puts the SDK there.
replace lockstep/sdk => ../sdk-go
